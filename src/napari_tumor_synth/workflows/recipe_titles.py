"""What recipes there are to choose from, without reading all of them or loading torch."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


@dataclass(frozen=True)
class RecipeTitle:
    """A recipe of the package, as a list shows it.

    Attributes
    ----------
    name, description : str
        The description is one line.
    """

    name: str
    description: str


def recipe_titles() -> list[RecipeTitle]:
    """Return the recipes of the package by name, ablations aside."""
    folder = resources.files("napari_tumor_synth.training") / "recipes"
    titles = []
    for file in folder.iterdir():
        if file.name.endswith(".toml"):
            titles.append(RecipeTitle(file.name.removesuffix(".toml"), description_in(file)))
    return sorted(titles, key=lambda title: title.name)


def description_in(file: Traversable | Path) -> str:
    """Return what a recipe's file says of itself; "" if it says nothing, or is no recipe."""
    try:
        return str(tomllib.loads(file.read_text("utf-8")).get("description", ""))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):  # said when it is used
        return ""
