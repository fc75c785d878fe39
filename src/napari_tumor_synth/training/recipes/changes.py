"""Changing single settings of a recipe, and telling what two recipes differ in."""

import tomllib
from collections.abc import Mapping
from typing import Any

from napari_tumor_synth.errors import InputError, TrainingError
from napari_tumor_synth.training.families import Recipe
from napari_tumor_synth.training.recipes.errors import unknown_setting
from napari_tumor_synth.training.recipes.files import validated
from napari_tumor_synth.training.recipes.schema import SettingsTree

Place = tuple[str | int, ...]


def override(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some settings changed.

    Parameters
    ----------
    recipe : recipe
    changes : mapping of str to Any
        By dotted name, e.g. ``{"token_training.top_k": 0.5}``; entries of lists by their number:
        ``"token_training.phases.0.epochs"``. None takes a setting away where that is possible.
        Settings that must be equal to a changed one follow it, see the recipe's ``FOLLOWERS``.

    Raises
    ------
    TrainingError
        A name that is no setting, a value of another type or out of range, or a contradiction.
    """
    content = recipe.model_dump(mode="json")
    tree = SettingsTree(type(recipe).model_json_schema())
    what = f"recipe {recipe.name}"
    followed: dict[str, Any] = {}
    for name, value in changes.items():
        for follower in recipe.FOLLOWERS.get(name, ()):
            followed[follower] = value
    for name, value in {**followed, **changes}.items():
        _set(content, _place(name), value, tree, what)
    return validated(content, what)


def parse_change(text: str) -> tuple[str, Any]:
    """Return name and value of ``name=value`` as a command line has it.

    Values are TOML; ``none`` takes a setting away, and what is no TOML is text, so that
    ``precision=32-true`` needs no quotes.

    Raises
    ------
    InputError
        There is no name or no equals sign.
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise InputError(
            f"{text!r} changes no setting.", "Write name=value, e.g. token_training.top_k=0.5."
        )
    value = value.strip()
    if value.lower() == "none":
        return name.strip(), None
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value


def flat_settings(recipe: Recipe | Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings by dotted name, as JSON types.

    Parameters
    ----------
    recipe : recipe or mapping
        The recipe, or what its ``recorded()`` gave. Files are named by their SHA-256.
    """
    content = recipe if isinstance(recipe, Mapping) else recipe.recorded()
    return _flat(content, ())


def differences(
    before: Recipe | Mapping[str, Any], after: Recipe | Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    """Return the settings that differ as (dotted name, old value, new value), in their order.

    None stands for a setting that one of them does not have.
    """
    old, new = flat_settings(before), flat_settings(after)
    names = dict.fromkeys([*old, *new])
    return [
        (name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    ]


def _place(name: str) -> Place:
    return tuple(int(step) if step.isdigit() else step for step in name.split("."))


def _set(content: Any, place: Place, value: Any, tree: SettingsTree, what: str) -> None:
    for depth in range(1, len(place) + 1):
        if tree.at(place[:depth]) is None:
            raise unknown_setting(tree, place[:depth], what)
    here = content
    for depth, step in enumerate(place[:-1], start=1):
        if isinstance(step, str) and here.get(step) is None:
            here[step] = {}
        here = _entry(here, place[:depth], what)
    if isinstance(place[-1], int):
        _entry(here, place, what)
    here[place[-1]] = value


def _entry(here: Any, place: Place, what: str) -> Any:
    step = place[-1]
    if isinstance(step, int) and step >= len(here):
        table = ".".join(str(one) for one in place[:-1])
        raise TrainingError(
            f"The {what} has no entry {step} in {table}.",
            f"There are {len(here)}, counted from 0.",
        )
    return here[step]


def _flat(content: Any, place: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(content, Mapping):
        pairs = list(content.items())
    elif isinstance(content, list | tuple) and any(isinstance(one, Mapping) for one in content):
        pairs = [(str(number), one) for number, one in enumerate(content)]
    else:
        value = list(content) if isinstance(content, tuple) else content
        return {".".join(place): value}
    return {name: value for key, one in pairs for name, value in _flat(one, (*place, key)).items()}
