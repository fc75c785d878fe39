"""Seconds a training step: every phase of both stages of a recipe, on made-up ROIs."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from shared.measuring import begin, own_peak, parser, report, timed

from napari_tumor_synth.training.recipe_files import load_recipe
from napari_tumor_synth.training.vqgan_autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe
from napari_tumor_synth.training.vqgan_stage_settings import Phase
from napari_tumor_synth.training.vqgan_tokens import TokenSet
from napari_tumor_synth.training.vqgan_transformer import TransformerStage

ROIS = 32


class Spheres:
    """ROIs that cost nothing to read: a noisy sphere each."""

    def __init__(self, recipe: VqganRecipe) -> None:
        places = np.indices(recipe.size) - np.array(recipe.size).reshape(3, 1, 1, 1) / 2
        inside = np.sqrt((places**2).sum(0)) < min(recipe.size) / 3
        noise = np.random.default_rng(0).uniform(-0.9, 1, (len(recipe.sequences), *recipe.size))
        self.image = np.where(inside, noise, -1).astype(np.float32)

    def load(self, index: int) -> NDArray[np.float32]:
        """Return the one sphere (C, S, A, R)."""
        return self.image

    def class_index(self, index: int) -> int:
        """Alternate between two classes."""
        return index % 2


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    options.add_argument("--recipe", default="phantom-flair-64")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    recipe = load_recipe(arguments.recipe)
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    with tempfile.TemporaryDirectory() as folder:
        source, rois = Spheres(recipe), range(ROIS)
        stage = AutoencoderStage(recipe, source, rois, rois, 2, fabric, Path(folder))
        phases = recipe.autoencoder_training.phases
        autoencoder = _phases(stage, phases, arguments.repeats)
    tokens = _tokens(recipe)
    transformer = _phases(
        TransformerStage(recipe, tokens, tokens, fabric),
        recipe.token_training.phases,
        arguments.repeats,
    )
    report(
        {
            "benchmark": "training_step",
            "machine": machine,
            "recipe": recipe.name,
            "precision": recipe.precision,
            "autoencoder": autoencoder,
            "transformer": transformer,
            "peak_mb": own_peak(),
        }
    )


def _phases(stage: Any, phases: Sequence[Phase], repeats: int) -> list[dict[str, Any]]:
    """Time the first and the last steps of each phase; the last may have a discriminator."""
    found = []
    first = 0
    for phase in phases:
        last = first + phase.step_count(ROIS)
        place = {"batch": phase.batch, "crop": phase.crop, "steps": last - first}
        for index, name in ((first, "first steps"), (last - 1, "last steps")):
            figures = dict(stage.step(index))
            steps = timed(lambda index=index: stage.step(index), repeats, warm_up=0)
            found.append({**place, "part": name, "discriminator": "critic" in figures, **steps})
        first = last
    return found


def _tokens(recipe: VqganRecipe) -> TokenSet:
    shape = (ROIS, recipe.transformer.length, recipe.transformer.levels)
    generator = torch.Generator().manual_seed(0)
    return TokenSet(
        torch.randint(recipe.transformer.codes, shape, generator=generator),
        torch.rand(shape[:2], generator=generator),
        torch.arange(ROIS) % max(1, recipe.transformer.classes),
    )


if __name__ == "__main__":
    main()
