"""What must not change between the beginning of a run and going on with it."""

from collections.abc import Mapping
from typing import Any

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.recipes.changes import differences
from napari_tumor_synth.training.runs.record import RunRecord

_ANOTHER_RUN = "Go on without naming a recipe, or start a new run in another folder."
_NAMED = 3


def require_same_recipe(begun: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse another recipe.

    Parameters
    ----------
    begun, wanted : mapping
        Recipes as JSON types, both with all settings.

    Raises
    ------
    TrainingError
        Names the settings that differ, as dotted names with both values.
    """
    different = [
        f"{name} was {_shown(before)} and is {_shown(after)} now"
        for name, before, after in differences(begun, wanted)
    ]
    if different:
        more = len(different) - _NAMED
        named = "; ".join(different[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
        raise TrainingError(
            f"The recipe differs from the one that this run began with: {named}.", _ANOTHER_RUN
        )


def require_same_data(begun: RunRecord, wanted: RunRecord) -> None:
    """Refuse another cohort.

    Raises
    ------
    TrainingError
        Tells the numbers of ROIs of both, where they differ.
    """
    if begun.data == wanted.data:
        return
    if begun.classes and begun.classes != wanted.classes:
        how = f"its classes were {_listed(begun.classes)} and are {_listed(wanted.classes)} now"
    elif begun.rois and begun.rois != wanted.rois:
        how = f"it had {_counts(begun.rois)} and has {_counts(wanted.rois)} now"
    else:
        how = "there are as many ROIs, but their images or their split have changed"
    raise TrainingError(
        f"The cohort differs from the one that this run began with: {how}.",
        "Name the cohort of this run with --data, or start a new run in another folder.",
    )


def changed_code(begun: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return in words how the code differs, or "" if it does not."""
    name = "napari-tumor-synth"
    differs = begun.get(name) != now.get(name) or any(
        "unknown" not in (before, after) and before != after
        for before, after in (
            (begun.get(part, "unknown"), now.get(part, "unknown")) for part in ("commit", "torch")
        )
    )
    if not differs:
        return ""
    return f"It began with {_code(begun)}, and this is {_code(now)}"


def require_same_code(begun: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse other code, with which the run would not end as it would have.

    Raises
    ------
    TrainingError
        Names both versions.
    """
    if change := changed_code(begun, now):
        raise TrainingError(
            f"The program has changed since this run began. {change}.",
            "Use the one it began with, or go on all the same with --accept-changed-code.",
        )


def _shown(value: Any) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _counts(rois: Mapping[str, int]) -> str:
    parts = ", ".join(f"{count} for {split}" for split, count in rois.items())
    return f"{sum(rois.values())} ROIs ({parts})"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "unknown"


def _code(environment: Mapping[str, str]) -> str:
    commit, plus, _ = environment.get("commit", "unknown").partition("+")
    changed = " with changes" if plus else ""
    at = "" if commit == "unknown" else f" at commit {commit[:12]}{changed}"
    version, torch = (environment.get(name, "unknown") for name in ("napari-tumor-synth", "torch"))
    return f"version {version}{at} with torch {torch}"
