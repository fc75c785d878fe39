"""The settings of a recipe that somebody may want to change before a training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from napari_tumor_synth.training.recipes.schema import SettingsTree

Value = bool | int | float | str


@dataclass(frozen=True)
class SettingOffered:
    """A setting that a family's recipe offers to change.

    Attributes
    ----------
    name : str
        Dotted; that of a list of phases stands for the length of each.
    label : str
        Two or three words.
    help : str
        One line, with the unit.
    shown_if : (str, tuple), optional
        Another setting, and the values of it for which this one means something.
    """

    name: str
    label: str
    help: str
    shown_if: tuple[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True)
class MainSetting:
    """A setting of one recipe, as a panel shows it.

    Attributes
    ----------
    name : str
        Dotted, as `override` takes it.
    label, help : str
        What stands beside the field, and what it means, with the unit.
    value : bool, int, float or str
        In the recipe.
    choices : tuple
        Values that are allowed, where they are few.
    least, most : float, optional
        Limits of a number.
    """

    name: str
    label: str
    help: str
    value: Value
    choices: tuple[Value, ...] = ()
    least: float | None = None
    most: float | None = None


def main_settings(recipe: BaseModel) -> tuple[MainSetting, ...]:
    """Return the settings that a recipe offers to change, in the order of its ``MAIN_SETTINGS``."""
    offered: Sequence[SettingOffered] = getattr(recipe, "MAIN_SETTINGS", ())
    tree = SettingsTree(type(recipe).model_json_schema())
    return tuple(
        setting
        for one in offered
        if one.shown_if is None or _at(recipe, one.shown_if[0]) in one.shown_if[1]
        for setting in _settings(recipe, one, tree)
    )


def _settings(
    recipe: BaseModel, offered: SettingOffered, tree: SettingsTree
) -> Iterator[MainSetting]:
    for name, label, unit in _names(recipe, offered):
        value = _at(recipe, name)
        if value is None:
            continue
        place = [int(step) if step.isdigit() else step for step in name.split(".")]
        least, most = tree.limits_at(place)
        help_text = offered.help + unit
        choices = tuple(tree.choices_at(place))
        yield MainSetting(name, label, help_text, value, choices, least, most)


def _names(recipe: BaseModel, offered: SettingOffered) -> Iterator[tuple[str, str, str]]:
    """Give dotted name, label and unit; a list of phases gives one length for each."""
    value = _at(recipe, offered.name)
    if not isinstance(value, tuple):
        yield offered.name, offered.label, ""
        return
    for number, phase in enumerate(value):
        unit = "steps" if phase.steps is not None else "epochs"
        part = f", part {number + 1}" if len(value) > 1 else ""
        yield f"{offered.name}.{number}.{unit}", f"{offered.label}{part}: {unit}", f", in {unit}"


def _at(recipe: BaseModel, name: str) -> Any:
    here: Any = recipe
    for step in name.split("."):
        if here is None:
            return None
        here = here[int(step)] if step.isdigit() else getattr(here, step)
    return here
