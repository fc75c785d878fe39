"""Train a generator of any family by a recipe."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.devices import choose_device, memory_errors_explained
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.training.engine import EngineSettings, TimeIsUp
from napari_tumor_synth.training.environment import environment
from napari_tumor_synth.training.families import FAMILIES, Recipe
from napari_tumor_synth.training.recipe_files import load_recipe
from napari_tumor_synth.training.run_folder import RunFolder

_SPARE_MEMORY = "Use a recipe with smaller batches or patches; states saved so far remain."


@dataclass(frozen=True)
class TrainingOutcome:
    """How far a training came."""

    run: Path
    finished: bool
    checkpoint: Path | None = None


def train_generator(
    recipe: str | Path | Recipe,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    save_minutes: float = 10.0,
    max_minutes: float | None = None,
    review_steps: int = 500,
    on_progress: OnProgress = ignore_progress,
) -> TrainingOutcome:
    """Train all stages of a recipe and export the checkpoint.

    Parameters
    ----------
    recipe : str, Path or recipe
        Name of a recipe in the package, a TOML file, or the recipe itself.
    data : Path
        Cache of ROIs made by ``prepare``.
    out : Path
        Folder of the run.
    resume : bool
        Go on with the run in `out`.
    max_minutes : float, optional
        Save and return after this time; the outcome is then not `finished`.

    Raises
    ------
    TrainingError, CohortError, OutputError, InputError, MemoryLimitError
        As their names say. `Cancelled` and KeyboardInterrupt leave a state to resume from.
    """
    chosen = load_recipe(recipe) if isinstance(recipe, str | Path) else recipe
    deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
    family = FAMILIES[chosen.family]
    cache = RoiCache.open(data)
    require_fit(chosen, cache)
    place = choose_device(device)
    family.require(chosen, cache, place)
    folder = RunFolder(out)
    described = {"recipe": chosen.recorded(), "data": cache.manifest_hash}
    folder.start({**described, "environment": environment()}, resume=resume)
    settings = EngineSettings(
        save_minutes=save_minutes, review_steps=review_steps, deadline=deadline
    )
    try:
        with memory_errors_explained(_SPARE_MEMORY):
            family.train(chosen, cache, folder, place, settings, on_progress)
    except TimeIsUp:
        return TrainingOutcome(out, finished=False)
    return TrainingOutcome(out, finished=True, checkpoint=folder.checkpoint)


def require_fit(recipe: Recipe, cache: RoiCache) -> None:
    """Make sure that the cache holds what the recipe is for.

    Raises
    ------
    TrainingError
        Size, spacing or sequences differ, or a split is empty.
    """
    settings = cache.settings
    pairs = {
        "size": (recipe.size, settings.size),
        "spacing_mm": (recipe.spacing_mm, settings.spacing_mm),
        "sequences": (recipe.sequences, tuple(cache.sequences)),
    }
    for name, (wanted, found) in pairs.items():
        if wanted != found:
            raise TrainingError(
                f"The recipe {recipe.name} needs {name} {wanted}, but the cache has {found}.",
                "Prepare the cohort with the recipe's settings.",
            )
    if not cache.indices("train") or not cache.indices("validation"):
        raise TrainingError(
            "The cache has no ROIs for training or none for validation.",
            "Prepare more cases.",
        )
