"""A tiny 3D-VQGAN with random weights, in every mode."""

import torch

from napari_tumor_synth.generators.vqgan_checkpoint import save_vqgan
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.importance import ImportanceNetwork, ImportanceSettings
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.networks.vqgan_settings import VqganSettings


def tiny_settings(*, causal=True, conditional=True, levels=2, importance=True):
    return VqganGeneratorSettings(
        name="tiny",
        classes=("HGG", "LGG"),
        conditional=conditional,
        sequences=("flair",),
        size=(16, 16, 16),
        spacing_mm=4.0,
        autoencoder=VqganSettings(
            widths=(8, 8, 16),
            strides=(2, 2, 1),
            residual_blocks=(0, 0, 0),
            embedding=8,
            codes=16,
            levels=levels,
            norm="channel",
        ),
        transformer=TransformerSettings(
            layers=2,
            heads=2,
            width=32,
            length=64,
            codes=16,
            levels=levels,
            classes=2 if conditional else 0,
            causal=causal,
        ),
        importance=ImportanceSettings(pooled=True, classifier_hidden=32) if importance else None,
    )


def write_tiny(path, settings, seed=0):
    torch.manual_seed(seed)
    autoencoder = Vqgan(settings.autoencoder)
    torch.nn.init.normal_(autoencoder.quantiser.codebooks)
    transformer = TokenTransformer(settings.transformer)
    for weight in transformer.parameters():  # far from uniform, so that drawing matters
        torch.nn.init.normal_(weight, std=0.2)
    states = {"autoencoder": autoencoder.state_dict(), "transformer": transformer.state_dict()}
    if settings.importance is not None:
        network = ImportanceNetwork(settings.importance, 8, 2, (4, 4, 4))
        states["importance"] = network.state_dict()
    save_vqgan(path, settings, states, {"licence": "none"})
    return path
