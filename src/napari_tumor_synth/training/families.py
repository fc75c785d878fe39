"""The families of generators that can be trained: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.training.engine import EngineSettings
from napari_tumor_synth.training.run_folder import RunFolder
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe
from napari_tumor_synth.training.vqgan_training import require_trainable, train_vqgan

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
        Raises `TrainingError` before anything is written, when recipe, data or device do not fit.
    train : callable
        Takes a run to its end and writes ``folder.checkpoint``, going on from its newest state.
    """

    recipe: type[Recipe]
    require: Callable[[Any, RoiCache, torch.device], None]
    train: Callable[[Any, RoiCache, RunFolder, torch.device, EngineSettings, OnProgress], None]


FAMILIES: Mapping[str, TrainableFamily] = {
    "vqgan": TrainableFamily(VqganRecipe, require_trainable, train_vqgan),
}
