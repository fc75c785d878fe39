"""What a call of `train_generator` asks for, completed by what the run knows of itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.families import FAMILIES, Recipe
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs.record import RECORD, RunPlace, read_place, read_record


@dataclass(frozen=True)
class RunPlan:
    """A recipe, and on what, where and how it is trained."""

    recipe: Recipe
    place: RunPlace

    @property
    def data(self) -> Path:
        """Absolute path of the cache or cohort."""
        return Path(self.place.data)


def plan_run(
    recipe: str | Path | Recipe | None,
    data: Path | None,
    out: Path,
    *,
    resume: bool,
    machine: MachineSettings | None = None,
    **settings: float | int | None,
) -> RunPlan:
    """Complete what is given: a resumed run knows its recipe, data, machine and settings.

    Parameters
    ----------
    recipe, data, out, resume, machine
        As `train_generator`.
    **settings
        ``save_minutes``, ``review_steps``, ``kept_states``; None leaves them as they are.

    Raises
    ------
    TrainingError
        Something is neither given nor known, or the recipe cannot be read.
    """
    known = read_place(out) if resume else None
    chosen = _recipe(recipe, known, out, resume=resume)
    if data is None and known is None:
        raise TrainingError(
            f"It is not known where the data of {out} lie on this machine.",
            "Name the cohort or its cache with --data.",
        )
    before = known.model_dump() if known else {}
    values = {
        **before,
        "recipe": chosen.model_dump(mode="json"),
        "data": str(Path(data).absolute()) if data is not None else before["data"],
        **({"machine": machine} if machine else {}),
        **{name: value for name, value in settings.items() if value is not None},
    }
    try:
        return RunPlan(chosen, RunPlace.model_validate(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TrainingError(
            f"{where} cannot be {first['input']!r}: {first['msg']}.", "Choose another value."
        ) from error


def recipe_of(content: dict[str, Any], told_by: Path) -> Recipe:
    """Return the recipe that a run's file holds.

    Raises
    ------
    TrainingError
        This version does not understand it.
    """
    family = FAMILIES.get(str(content.get("family", "vqgan")))
    try:
        if family is None:
            raise ValueError(f"the family {content['family']!r} is unknown")
        return family.recipe.model_validate(content)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise TrainingError(
            f"The recipe in {told_by} cannot be used ({reason}).",
            "Use the version of the program that began the run, or start a new run.",
        ) from error


def _recipe(
    recipe: str | Path | Recipe | None, known: RunPlace | None, out: Path, *, resume: bool
) -> Recipe:
    if isinstance(recipe, str | Path):
        return load_recipe(recipe)
    if recipe is not None:
        return recipe
    if known is not None:
        return recipe_of(known.recipe, out)
    if resume and (out / RECORD).is_file():
        return recipe_of(read_record(out).recipe, out)
    raise TrainingError("No recipe is named.", "Name a recipe of the package or a TOML file.")
