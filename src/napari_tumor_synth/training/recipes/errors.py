"""What is wrong with a recipe, in a sentence, and what is allowed."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.recipes.schema import SettingsTree, dotted, listed

_REFERENCE = "docs/reference/settings.md explains all settings."


def explained(error: ValidationError, model: type[BaseModel], what: str) -> TrainingError:
    """Return the first thing that is wrong as an error of the family.

    Parameters
    ----------
    error : ValidationError
        Of `model`.
    model : type
        The recipe's model.
    what : str
        What was read, e.g. ``"recipe mine.toml"``.
    """
    first = error.errors()[0]
    place, tree = first["loc"], SettingsTree(model.model_json_schema())
    name = dotted(place) or "the whole"
    others = error.error_count() - 1
    more = f" ({others} more {'is' if others == 1 else 'are'} wrong.)" if others else ""
    if first["type"] == "extra_forbidden":
        unknown = unknown_setting(tree, place, what)
        return TrainingError(unknown.problem + more, unknown.remedy)
    if first["type"] == "missing":
        lacking = f"The {what} lacks {name}.{more}"
        return TrainingError(lacking, f"It must be {tree.kind_at(place)}.")
    if first["type"] in ("value_error", "assertion_error"):
        where = f" in {dotted(place)}" if place else ""
        problem = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        contradiction = f"The settings of the {what} contradict each other{where}: {problem}.{more}"
        return TrainingError(contradiction, f"Change one of them. {_REFERENCE}")
    kind = tree.kind_at(place)
    return TrainingError(
        f"In the {what}, {name} is {_shown(first['input'])}, but must be {kind}.{more}",
        _nearest(first["input"], tree.choices_at(place)) or _REFERENCE,
    )


def unknown_setting(tree: SettingsTree, place: Sequence[str | int], what: str) -> TrainingError:
    """Return the error for a place that holds no setting, with those that its table has."""
    table, last = place[:-1], str(place[-1])
    known = tree.keys_at(table)
    home = f"[{dotted(table)}]" if table else "a recipe"
    if not known:
        return TrainingError(
            f"The {what} has no setting {dotted(place)}: {dotted(table)} is no table.",
            f"It is {tree.kind_at(table)}.",
        )
    allowed = f"{home[0].upper()}{home[1:]} has the settings {', '.join(known)}."
    near = difflib.get_close_matches(last, known, n=1)
    return TrainingError(
        f"The {what} has an unknown setting, {dotted(place)}.",
        f"Did you mean {near[0]}? {allowed}" if near else allowed,
    )


def _nearest(given: Any, choices: Sequence[Any]) -> str:
    words = [choice for choice in choices if isinstance(choice, str)]
    near = difflib.get_close_matches(str(given), words, n=1)
    return f"Did you mean {listed(near)}? {_REFERENCE}" if near else ""


def _shown(value: Any) -> str:
    text = listed([value])
    return text if len(text) <= 60 else f"{text[:57]}..."
