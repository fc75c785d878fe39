"""The families of generators that can be trained: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.training.engine import EngineSettings
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.vqgan.checks import require_trainable
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.train import export_vqgan, stage_names, train_vqgan

Recipe = VqganRecipe
"""Recipe of any family."""


@dataclass(frozen=True)
class TrainableFamily:
    """How one family is trained.

    Attributes
    ----------
    recipe : type
        Pydantic model of its recipes; ``family`` names the family.
    require : callable
        Raises `TrainingError` before anything is written, when recipe, data or machine do not fit.
    train : callable
        Takes a run to its end and writes ``folder.checkpoint``, going on from its newest state.
    stages : callable
        Gives the names of the stages of a recipe, in order.
    export : callable, optional
        Writes the checkpoint of a run that is not finished, from its newest states, to a path.
    """

    recipe: type[Recipe]
    require: Callable[[Any, RoiCache, MachineSettings], None]
    train: Callable[[Any, RoiCache, RunFolder, MachineSettings, EngineSettings, OnProgress], None]
    stages: Callable[[Any], tuple[str, ...]]
    export: Callable[[Any, RoiCache, RunFolder, MachineSettings, Path], None] | None = None


FAMILIES: Mapping[str, TrainableFamily] = {
    "vqgan": TrainableFamily(
        VqganRecipe, require_trainable, train_vqgan, stage_names, export_vqgan
    ),
}
