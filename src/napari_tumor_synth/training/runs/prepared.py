"""The cache of ROIs that a training reads: one that is there, or made from a cohort."""

import hashlib
import json
from pathlib import Path

from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.folders import cache_folder
from napari_tumor_synth.imaging.cache_journal import JOURNAL
from napari_tumor_synth.imaging.cache_manifest import ARRAYS, FORMAT, MANIFEST
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress
from napari_tumor_synth.training.families import Recipe
from napari_tumor_synth.training.runs.lock import RunLock

_PATIENCE_S = 0.2


def is_cache(data: Path) -> bool:
    """Tell whether a path is that of a prepared cache, be it finished or not."""
    return any((data / name).exists() for name in (MANIFEST, JOURNAL, ARRAYS))


def prepared_folder(cohort: Path, recipe: Recipe) -> Path:
    """Return where the cache of a cohort is kept, for all recipes with the same kind of ROIs."""
    settings = RoiSettings(size=recipe.size, spacing_mm=recipe.spacing_mm)
    content = [str(cohort.resolve()), FORMAT, settings.model_dump(mode="json"), recipe.sequences]
    name = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    return cache_folder() / "prepared" / name


def prepare_for(cohort: Path, recipe: Recipe, on_progress: OnProgress) -> RoiCache:
    """Cut the ROIs of a cohort as a recipe needs them; what is cut already is not cut again.

    Where another process prepares the same, its end is waited for.

    Parameters
    ----------
    cohort : Path
        Folder or table of cases.
    recipe : recipe
    on_progress : callable
        May raise `Cancelled`; a later call goes on.

    Raises
    ------
    CohortError, OutputError, MemoryLimitError
        As `prepare_cohort`.
    """
    folder = prepared_folder(cohort, recipe)
    lock = RunLock(writable_folder(folder.with_name(f"{folder.name}.lock")))
    while not lock.acquire(_PATIENCE_S):
        on_progress(Progress(0, 0, "waiting for another process that prepares this cohort"))
    try:
        return prepare_cohort(
            cohort,
            folder,
            RoiSettings(size=recipe.size, spacing_mm=recipe.spacing_mm),
            sequences=recipe.sequences,
            on_progress=on_progress,
        )
    finally:
        lock.release()
