"""Recipes as TOML files: those of the package by name, or a user's own by path.

A recipe may say ``based_on = "vqgan-cond-small"`` (a name, or a path beside it): it then takes all
settings of that recipe but those that it gives itself. Tables are merged, lists replaced whole.
"""

import difflib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.families import FAMILIES, Recipe
from napari_tumor_synth.training.recipes.errors import explained

_ABLATIONS = "ablations"


def recipe_names() -> list[str]:
    """Return the names of the recipes in the package, ablations aside."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def ablation_names() -> list[str]:
    """Return the names of the recipes that leave out or change one thing of another one."""
    return sorted(path.stem for path in (_folder() / _ABLATIONS).glob("*.toml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    TrainingError
        No such recipe, not TOML, based on itself, or a setting that is unknown, out of range or
        contradicts another one.
    """
    path = _found(name_or_path, beside=None)
    return validated(_content(path, ()), f"recipe {path.name}")


def validated(content: Mapping[str, Any], what: str) -> Recipe:
    """Return the recipe that these settings make.

    Parameters
    ----------
    content : mapping
        Settings as TOML or JSON gives them.
    what : str
        What to call it in errors.

    Raises
    ------
    TrainingError
        As `load_recipe`.
    """
    family = str(content.get("family", "vqgan"))
    if family not in FAMILIES:
        raise TrainingError(
            f"The {what} is for the unknown family {family!r}.",
            f"Choose one of: {', '.join(FAMILIES)}.",
        )
    model = FAMILIES[family].recipe
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise explained(error, model, what) from error


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes`: tables merged at all depths, anything else replaced."""
    result = dict(base)
    for key, value in changes.items():
        before = result.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


def _content(path: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file and what it is based on."""
    if path in chain:
        names = " on ".join(one.name for one in (*chain[chain.index(path) :], path))
        raise TrainingError(
            f"The recipe {path.name} is based on itself: {names}.",
            "Take based_on out of one of them.",
        )
    content = _read(path)
    base = content.pop("based_on", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise TrainingError(
            f"In the recipe {path.name}, based_on is {base!r}, but must be text.",
            "Give the name or the path of one recipe.",
        )
    content.setdefault("name", path.stem.lower())
    content.setdefault("description", f"After the recipe {Path(base).stem}")
    return merged(_content(_found(base, beside=path), (*chain, path)), content)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"The recipe {path.name} is not TOML: {error}.", "Mend the file."
        ) from error
    except OSError as error:
        raise TrainingError(
            f"The recipe {path} cannot be read: {error.strerror or error}.",
            "Check the file's permissions.",
        ) from error


def _found(name_or_path: str | Path, beside: Path | None) -> Path:
    """Return the file of a recipe; a path counts from the file that names it."""
    given = Path(name_or_path) if beside is None else beside.parent / name_or_path
    for path in (
        given,
        _folder() / f"{name_or_path}.toml",
        _folder() / _ABLATIONS / f"{name_or_path}.toml",
    ):
        if path.is_file():
            return path.resolve()
    names = recipe_names()
    near = difflib.get_close_matches(str(name_or_path), [*names, *ablation_names()], n=1)
    whose = f", which {beside.name} is based on" if beside is not None else ""
    raise TrainingError(
        f"There is no recipe {str(name_or_path)!r}{whose}.",
        (f"Did you mean {near[0]}? " if near else "")
        + f"Name a TOML file or one of: {', '.join(names)}.",
    )


def _folder() -> Path:
    return Path(str(resources.files("napari_tumor_synth.training") / "recipes"))
