"""The published counts of parameters, reproduced without allocating a single weight."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from napari_tumor_synth.networks.discriminator import DiscriminatorSettings, PatchDiscriminator
from napari_tumor_synth.networks.importance import ImportanceNetwork, ImportanceSettings
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings
from napari_tumor_synth.networks.vqgan import Vqgan, VqganSettings

AUTOENCODER_LAT8 = 35_092_129
AUTOENCODER_LAT4 = 39_941_793
DISCRIMINATOR = 11_049_665
TRANSFORMER = 303_884_288
TRANSFORMER_OF_64_CODES = 302_966_784

# The code of Zhou23 registers a group norm in every convolution block and never calls it.
UNUSED_IN_ENCODER = 2 * (32 + 64 + 128 + 256 + 512)
UNUSED_IN_DECODER = 2 * (32 + 64 + 128 + 256)


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    with torch.device("meta"):
        yield


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_autoencoder_with_an_8_cubed_latent() -> None:
    model = Vqgan(VqganSettings.paper_lat8())
    assert count(model.encoder) + UNUSED_IN_ENCODER == 25_160_352
    assert count(model.decoder) + UNUSED_IN_DECODER == 9_406_465
    assert count(model.before) == count(model.after) == 262_656
    assert count(model) + UNUSED_IN_ENCODER + UNUSED_IN_DECODER == AUTOENCODER_LAT8


def test_autoencoder_with_a_4_cubed_latent() -> None:
    model = Vqgan(VqganSettings.paper_lat4())
    assert count(model) + UNUSED_IN_ENCODER + UNUSED_IN_DECODER == AUTOENCODER_LAT4


def test_conditional_autoencoder_has_a_norm_more_a_block_than_the_code_of_001() -> None:
    model = Vqgan(VqganSettings.conditional())
    assert count(model.encoder) - 2 * (32 + 64 + 128 + 256 + 512) == 25_156_384
    assert count(model.decoder) - 2 * (32 + 64 + 128 + 256) == 9_403_713
    assert (count(model.before), count(model.after)) == (65_664, 66_048)


def test_discriminator() -> None:
    assert count(PatchDiscriminator(DiscriminatorSettings())) == DISCRIMINATOR


def test_transformer() -> None:
    assert count(TokenTransformer(TransformerSettings.paper_lat8())) == TRANSFORMER
    assert count(TokenTransformer(TransformerSettings(codes=64))) == TRANSFORMER_OF_64_CODES


def test_conditional_transformer_without_the_rows_that_001_never_trains() -> None:
    model = TokenTransformer(TransformerSettings.conditional())
    never_predicted = 3 * 1024  # [MASK] and two classes in the output layer
    never_reached = 512 * 1024  # positions 512 to 1023 of 512 tokens
    assert count(model) + never_predicted + never_reached == 305_463_296


def test_published_totals_count_the_autoencoder_twice_and_the_discriminator() -> None:
    assert TRANSFORMER + 2 * AUTOENCODER_LAT8 + DISCRIMINATOR == 385_118_211
    assert TRANSFORMER_OF_64_CODES + 2 * AUTOENCODER_LAT4 + DISCRIMINATOR == 393_900_035


def test_released_importance_network() -> None:
    model = ImportanceNetwork(ImportanceSettings(scoring="released"), 128, 2, (8, 8, 8))
    assert count(model.scoring) == 128 * 128 * 27 + 128 + 128 + 1 + 2
    assert count(model.classifier) == 65536 * 1024 + 1024 + 2 * 1024 + 1024 * 2 + 2
