"""Made-up data of training that cost nothing to read."""

import numpy as np
import torch
from numpy.typing import NDArray

from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.tokens import TokenSet


class Spheres:
    """ROIs: a noisy sphere each."""

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


def random_tokens(recipe: VqganRecipe, rois: int) -> TokenSet:
    """Return tokens of as many ROIs."""
    shape = (rois, recipe.transformer.length, recipe.transformer.levels)
    generator = torch.Generator().manual_seed(0)
    return TokenSet(
        torch.randint(recipe.transformer.codes, shape, generator=generator),
        torch.rand(shape[:2], generator=generator),
        torch.arange(rois) % max(1, recipe.transformer.classes),
    )
