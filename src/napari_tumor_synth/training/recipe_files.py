"""Recipes as TOML files: those of the package by name, or a user's own by path."""

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.families import FAMILIES, Recipe


def recipe_names() -> list[str]:
    """Return the names of the recipes in the package."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    TrainingError
        No such recipe, not TOML, or a setting that is unknown or out of range.
    """
    path = Path(name_or_path)
    if not path.is_file():
        path = _folder() / f"{name_or_path}.toml"
    if not path.is_file():
        raise TrainingError(
            f"There is no recipe {str(name_or_path)!r}.",
            f"Name a TOML file or one of: {', '.join(recipe_names())}.",
        )
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"The recipe {path.name} is not TOML: {error}.", "Mend the file."
        ) from error
    family = str(content.get("family", "vqgan"))
    if family not in FAMILIES:
        raise TrainingError(
            f"The recipe {path.name} is for the unknown family {family!r}.",
            f"Choose one of: {', '.join(FAMILIES)}.",
        )
    try:
        return FAMILIES[family].recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise TrainingError(
            f"The recipe {path.name} has a wrong setting, {where}: {first['msg']}.",
            "Mend the file; docs/reference/settings.md lists all settings.",
        ) from error


def _folder() -> Path:
    return Path(str(resources.files("napari_tumor_synth.training") / "recipes"))
