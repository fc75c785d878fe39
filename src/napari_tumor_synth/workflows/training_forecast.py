"""What a training will take and learn from, told before it starts."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.generators.free_memory import free_memory
from napari_tumor_synth.imaging.cohort import read_cohort
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.training.cohort_checks import require_fit
from napari_tumor_synth.training.families import FAMILIES, Recipe
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.memory.estimate import Fit
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.recipes.main_settings import MainSetting, main_settings
from napari_tumor_synth.training.runs.prepared import is_cache
from napari_tumor_synth.training.vqgan.disk_need import disk_need
from napari_tumor_synth.training.vqgan.fit import fit_needs, needs_of

_FLOAT16 = 2


@dataclass(frozen=True)
class Forecast:
    """What a training takes.

    Attributes
    ----------
    device : str
        Where it would run, torch's name.
    memory, free_memory : int
        Bytes at the fullest moment, and those that are free there.
    micro_batch, batch : int
        ROIs at a time and in a step, of the stage that needs most.
    recompute : bool
        Whether activations are computed again to save memory.
    disk, free_disk : int
        Bytes that states, previews, the model and, of a cohort, its prepared ROIs take in all; and
        those that are free where the run is kept.
    rois : mapping of str to int
        ROIs for training and validation; empty for a cohort that is still to be prepared.
    cases, left_out : int
        Cases of such a cohort, and incomplete ones.
    """

    device: str
    memory: int
    free_memory: int
    micro_batch: int
    batch: int
    recompute: bool
    disk: int
    free_disk: int
    rois: Mapping[str, int]
    cases: int = 0
    left_out: int = 0


def settings_of(recipe: str | Path) -> tuple[MainSetting, ...]:
    """Return the settings that a recipe offers to change.

    Raises
    ------
    TrainingError
        As `load_recipe`.
    """
    return main_settings(load_recipe(recipe))


def forecast(
    recipe: str | Path,
    changes: Mapping[str, Any],
    data: Path,
    out: Path,
    machine: MachineSettings,
) -> Forecast:
    """Check what is asked for, and tell what it takes; nothing is written.

    Parameters
    ----------
    recipe : str or Path
    changes : mapping of str to Any
        Settings of the recipe by dotted names.
    data : Path
        Cohort or cache.
    out : Path
        Where the run would be kept; need not exist.
    machine : MachineSettings

    Raises
    ------
    TrainingError, CohortError, InputError, MemoryLimitError
        The recipe, the data or the machine do not do; the sentence says why.
    """
    chosen = override(load_recipe(recipe), changes)
    device = choose_device(machine.device)
    rois: dict[str, int] = {}
    cases = left_out = prepared = 0
    if is_cache(data):
        cache = RoiCache.open(data)
        require_fit(chosen, cache)
        FAMILIES[chosen.family].require(chosen, cache, machine)
        classes = len(cache.classes)
        rois = {split: len(cache.indices(split)) for split in ("train", "validation")}
    else:
        cohort = read_cohort(data, chosen.sequences)
        classes, cases, left_out = len(cohort.classes), len(cohort.cases), len(cohort.skipped)
        prepared = cases * math.prod(chosen.size) * len(chosen.sequences) * _FLOAT16
    fit, batch = _fit(chosen, classes, device, machine)
    written = disk_need(chosen, classes, sum(rois.values()) or cases)
    return Forecast(
        device=str(device),
        memory=fit.bytes,
        free_memory=fit.free,
        micro_batch=min(fit.micro_batch, batch),
        batch=batch,
        recompute=fit.checkpointed,
        disk=written.total + prepared,
        free_disk=shutil.disk_usage(_existing(out)).free,
        rois=rois,
        cases=cases,
        left_out=left_out,
    )


def _fit(
    recipe: Recipe, classes: int, device: torch.device, machine: MachineSettings
) -> tuple[Fit, int]:
    """Return how the stage that needs most fits, and the largest batch."""
    needs = needs_of(recipe, classes, device)
    mode = machine.checkpoint_activations
    largest = max(need.batch for need in needs(mode == "on"))
    return fit_needs(needs, machine.micro_batch or largest, free_memory(device), mode), largest


def _existing(folder: Path) -> Path:
    here = folder.absolute()
    while not here.exists() and here != here.parent:
        here = here.parent
    return here
