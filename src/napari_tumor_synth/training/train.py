"""Train a generator of any family by a recipe."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.generators.devices import choose_device, memory_errors_explained
from napari_tumor_synth.generators.provenance import now
from napari_tumor_synth.imaging.cohort import read_cohort
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.training.cohort_checks import require_fit, require_sound
from napari_tumor_synth.training.engine import EngineSettings
from napari_tumor_synth.training.families import FAMILIES, Recipe
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.changes import (
    changed_code,
    require_same_code,
    require_same_data,
    require_same_recipe,
)
from napari_tumor_synth.training.runs.ending import reported, why
from napari_tumor_synth.training.runs.environment import environment
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.leader import is_leader
from napari_tumor_synth.training.runs.plan import RunPlan, plan_run, recipe_of
from napari_tumor_synth.training.runs.prepared import is_cache, prepare_for
from napari_tumor_synth.training.runs.record import RECORD, RunRecord, read_record
from napari_tumor_synth.training.runs.stopping import StopAsked, TimeIsUp, watched

_SPARE_MEMORY = "Use a recipe with smaller batches or patches; states saved so far remain."


@dataclass(frozen=True)
class TrainingOutcome:
    """How far a training came.

    Attributes
    ----------
    run : Path
        Its folder.
    finished : bool
    checkpoint : Path, optional
        The model of a finished run.
    stopped : str
        Why an unfinished one stopped, e.g. ``"its time is up"``.
    """

    run: Path
    finished: bool
    checkpoint: Path | None = None
    stopped: str = ""


def train_generator(
    recipe: str | Path | Recipe | None,
    data: Path | None,
    out: Path,
    *,
    resume: bool = False,
    machine: MachineSettings | None = None,
    save_minutes: float | None = None,
    max_minutes: float | None = None,
    review_steps: int | None = None,
    kept_states: int | None = None,
    accept_changed_code: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> TrainingOutcome:
    """Train all stages of a recipe and export the checkpoint.

    Parameters
    ----------
    recipe : str, Path or recipe, optional
        Name of a recipe in the package, a TOML file, or the recipe itself. A run that is resumed
        knows its own.
    data : Path, optional
        Cache of ROIs made by ``prepare``, or a cohort, which is prepared first (see
        `prepare_for`). A run that is resumed knows its own.
    out : Path
        Folder of the run.
    resume : bool
        Go on with the run in `out`.
    machine : MachineSettings, optional
        On what; None is as before when resumed, otherwise the first device that works.
    save_minutes : float, optional
        Time between saved states; None is as before when resumed, otherwise 10.
    max_minutes : float, optional
        Save and return after this time; the outcome is then not `finished`.
    review_steps : int, optional
        Steps between reviews; None is as before when resumed, otherwise 500.
    kept_states : int, optional
        Last states of a stage that are kept; None is as before when resumed, otherwise 2.
    accept_changed_code : bool
        Go on even if the program has changed since the run began.
    on_progress : callable
        Called once a step; may raise `Cancelled`.

    Raises
    ------
    TrainingError, CohortError, OutputError, InputError, MemoryLimitError
        As their names say. `Cancelled` and KeyboardInterrupt leave a state to resume from.
    """
    deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
    out = Path(out)
    if resume:
        RunFolder(out, writes=False).require(resume=True)
    plan = plan_run(
        recipe,
        data,
        out,
        resume=resume,
        machine=machine,
        save_minutes=save_minutes,
        review_steps=review_steps,
        kept_states=kept_states,
    )
    place, writes = plan.place, is_leader(plan.place.machine)
    cache = _cache_or_cohort(plan)
    folder = RunFolder(out, kept_states=place.kept_states, writes=writes)
    if writes:
        folder.require(resume=resume)
    settings = EngineSettings(
        save_minutes=place.save_minutes, review_steps=place.review_steps, deadline=deadline
    )
    try:
        with folder.held():
            if writes:  # again: another process may have been here first
                folder.require(resume=resume)
            begun = _begun(plan, out, cache, accept_changed_code) if resume else None
            with reported(folder):
                folder.settle(place)
                _train(plan, folder, cache, begun, settings, on_progress)
    except (StopAsked, TimeIsUp) as stop:
        return TrainingOutcome(out, finished=False, stopped=why(stop))
    return TrainingOutcome(out, finished=True, checkpoint=folder.checkpoint)


def _cache_or_cohort(plan: RunPlan) -> RoiCache | None:
    """Return the cache if there is one; otherwise make sure that there is a cohort.

    Nothing is written yet, so that a mistake leaves no trace.
    """
    choose_device(plan.place.machine.device)
    if is_cache(plan.data):
        cache = RoiCache.open(plan.data)
        _require(plan, cache)
        return cache
    read_cohort(plan.data, plan.recipe.sequences)
    return None


def _require(plan: RunPlan, cache: RoiCache) -> None:
    require_fit(plan.recipe, cache)
    FAMILIES[plan.recipe.family].require(plan.recipe, cache, plan.place.machine)
    require_sound(cache)


def _begun(
    plan: RunPlan, out: Path, cache: RoiCache | None, accept_changed_code: bool
) -> RunRecord | None:
    """Return how the run began, if the same would go on; None if it has hardly begun."""
    if not (out / RECORD).is_file():
        return None
    begun = read_record(out)
    before = recipe_of(begun.recipe, out).model_dump(mode="json")
    require_same_recipe(before, plan.recipe.recorded())
    if cache is not None:
        require_same_data(begun, _record(plan, cache))
    here = environment()
    if not changed_code(begun.newest_environment, here):
        return begun
    if not accept_changed_code:
        require_same_code(begun.newest_environment, here)
    return begun.model_copy(update={"continued_with": (*begun.continued_with, here)})


def _train(
    plan: RunPlan,
    folder: RunFolder,
    cache: RoiCache | None,
    begun: RunRecord | None,
    settings: EngineSettings,
    on_progress: OnProgress,
) -> None:
    family, reporter = FAMILIES[plan.recipe.family], folder.reporter
    stages = family.stages(plan.recipe)
    reporter.change(stages=stages, stages_done=tuple(s for s in stages if folder.finished(s)))
    if cache is None:
        reporter.change("preparing the cohort", stage="preparing the cohort")
        listener = watched(folder, on_progress, settings.deadline)
        cache = prepare_for(plan.data, plan.recipe, listener)
        if begun is not None:
            require_same_data(begun, _record(plan, cache))
        _require(plan, cache)
    record = begun or _record(plan, cache)
    folder.start(record)
    reporter.log(_first_line(plan, record, resumed=begun is not None))
    with memory_errors_explained(_SPARE_MEMORY):
        family.train(plan.recipe, cache, folder, plan.place.machine, settings, on_progress)


def _record(plan: RunPlan, cache: RoiCache) -> RunRecord:
    return RunRecord(
        recipe=plan.recipe.recorded(),
        data=cache.manifest_hash,
        rois={split: len(cache.indices(split)) for split in ("train", "validation", "test")},
        classes=cache.classes,
        patient_data=cache.patient_data,
        environment=environment(),
        started=now(),
    )


def _first_line(plan: RunPlan, record: RunRecord, *, resumed: bool) -> str:
    here = record.newest_environment
    code = ", ".join(f"{name} {here[name]}" for name in ("napari-tumor-synth", "torch"))
    counts = ", ".join(f"{count} for {split}" for split, count in record.rois.items())
    begins = "resumed" if resumed else "started"
    return (
        f"{begins}: recipe {plan.recipe.name}, ROIs {counts} (data {record.data[:12]}), {code}, "
        f"device {plan.place.machine.device}"
    )
