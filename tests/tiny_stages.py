"""Stages on random ROIs, with every loss and group norm, to look into single steps."""

import os
import re
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.tokens import TokenSet
from napari_tumor_synth.training.vqgan.transformer import TransformerStage
from tiny_cohort import TINY_RECIPE

RECIPE = re.sub(r"(?m)^phases = .*$", "phases = [{ batch = 4, steps = 4 }]", TINY_RECIPE)
RECIPE = RECIPE.replace('norm = "channel"', 'norm = "group"').replace("dropout = 0.1", "")
RECIPE = RECIPE.replace("quantiser_start = 0.1", "quantiser_start = 0.0").replace(
    "start = 0.4\nwarm_up = 0.1", "start = 0.0\nwarm_up = 0.0"
)
RECIPE = RECIPE.replace(
    "[autoencoder_training.losses]\nperceptual = 0.0",
    '[autoencoder_training.perceptual]\nbackbone = "efficientnet-lite0"\n\n'
    "[autoencoder_training.losses]\nperceptual = 1.0\nforeground = 3.0",
)


class Blobs:
    """Eight random ROIs of two classes, with background."""

    def load(self, index: int) -> np.ndarray:
        image = np.random.default_rng(index).uniform(-0.9, 1, (1, 16, 16, 16)).astype(np.float32)
        image[:, : 2 + index % 3] = -1
        return image

    def class_index(self, index: int) -> int:
        return index % 2


def recipe_in(folder: Path, changes: dict | None = None):
    path = folder / f"recipe-{os.getpid()}.toml"  # several processes may write their own
    path.write_text(RECIPE)
    return override(load_recipe(path), changes or {})


def autoencoder(
    folder: Path,
    fabric: Fabric,
    micro_batch: int | None = None,
    changes: dict | None = None,
) -> AutoencoderStage:
    stage = AutoencoderStage(
        recipe_in(folder, changes),
        Blobs(),
        range(8),
        [8, 9],
        2,
        fabric,
        folder,
        micro_batch=micro_batch,
    )
    for module in stage.bare.modules():  # what it drops is drawn by each process for itself
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return stage


def transformer(
    folder: Path, fabric: Fabric, micro_batch: int | None = None, changes: dict | None = None
) -> TransformerStage:
    recipe = recipe_in(folder, changes)
    random = torch.Generator().manual_seed(5)
    tokens = torch.randint(16, (8, 64, 2), generator=random)
    known = TokenSet(tokens, torch.rand(8, 64, generator=random), torch.arange(8) % 2)
    return TransformerStage(
        recipe,
        known,
        known,
        fabric,
        AutoencoderModule(recipe, 2),
        ("HGG", "LGG"),
        folder,
        micro_batch=micro_batch,
    )
