"""A checkpoint of a recipe's networks with random weights: the time does not depend on them."""

from pathlib import Path

import torch

from napari_tumor_synth.generators.vqgan_checkpoint import save_vqgan
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe, generator_settings


def write_random_model(recipe: VqganRecipe, path: Path) -> None:
    """Write the networks that sampling needs, in float16 as every checkpoint."""
    settings = generator_settings(recipe, ("HGG", "LGG"))
    settings = settings.model_copy(update={"importance": None})
    torch.manual_seed(0)
    autoencoder = Vqgan(recipe.autoencoder)
    torch.nn.init.normal_(autoencoder.quantiser.codebooks)
    states = {
        "autoencoder": autoencoder.state_dict(),
        "transformer": TokenTransformer(recipe.transformer).state_dict(),
    }
    save_vqgan(path, settings, states, {"licence": "none"})
