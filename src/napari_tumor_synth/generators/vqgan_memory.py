"""How much memory a 3D-VQGAN takes while it samples, known before anything is loaded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from napari_tumor_synth.generators.checkpoint import Checkpoint
from napari_tumor_synth.generators.precision import choose_precision, decoder_precision
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.blocks import UpsampleTwice
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.token_ends import TokenEnds
from napari_tumor_synth.networks.transformer import Block
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.networks.vqgan import Vqgan

BYTES: Mapping[Precision, int] = {"float32": 4, "bfloat16": 2, "int8": 1}
_FLOAT = 4  # bytes
_TAPS = 4**3 / 3**3  # of a convolution joined with upsampling, to those of the plain one
_COPIES = 1.5  # of input and output of a layer: with that of the block around it


@dataclass(frozen=True)
class SamplingBytes:
    """Estimate of what sampling holds, in bytes, the program itself apart.

    Attributes
    ----------
    weights : int
        All the time.
    loading : int
        Besides, while a network takes the weights of the file over.
    sample : int
        Besides, for every sample that is drawn together with others.
    decoding : int
        Besides, while one sample is decoded.
    """

    weights: int
    loading: int
    sample: int
    decoding: int

    def peak(self, together: int = 1) -> int:
        """Return the most that is held at a time."""
        return self.weights + max(self.loading, together * self.sample, self.decoding)


def vqgan_sampling_bytes(
    checkpoint: Checkpoint, precision: str, device: torch.device
) -> SamplingBytes:
    """Estimate the memory that sampling from a checkpoint takes; see `sampling_bytes`.

    Parameters
    ----------
    precision : str
        As `choose_precision` takes it; InputError as there.
    """
    settings = VqganGeneratorSettings.model_validate(dict(checkpoint.settings))
    chosen = choose_precision(precision, device, causal=settings.transformer.causal)
    return sampling_bytes(settings, chosen, decoder_precision(chosen, device))


def cache_bytes(shape: TransformerSettings, precision: Precision) -> int:
    """Return the bytes of keys and values of one sample."""
    each = _FLOAT if precision == "float32" else 2
    return 2 * each * shape.layers * shape.length * shape.width


def sampling_bytes(
    settings: VqganGeneratorSettings,
    precision: Precision = "float32",
    decoder: Precision = "float32",
) -> SamplingBytes:
    """Estimate the memory for weights, drawing tokens and decoding one ROI.

    The shapes are those of the networks themselves, made on torch's meta device, which holds
    nothing; a test compares the estimate with what sampling takes.
    """
    shape = settings.transformer
    # "torch": to draw normal numbers on that device would load torch's compiler, a second
    plain = settings.autoencoder.model_copy(update={"initialisation": "torch"})
    with torch.device("meta"):
        autoencoder = Vqgan(plain)
        blocks = shape.layers * _count(Block(shape))
    ends = _count(TokenEnds(shape))  # embeddings draw them without being asked
    prepared, largest = _of_decoder(autoencoder, math.prod(plain.latent_shape(settings.size)))
    own, each = _count(autoencoder), BYTES[precision]
    return SamplingBytes(
        weights=_FLOAT * 2 * ends + each * blocks + BYTES[decoder] * prepared,
        loading=_FLOAT * own,
        # keys and values, or what a block computes on the way
        sample=cache_bytes(shape, precision) * (1 if shape.causal else 4),
        decoding=round(BYTES[decoder] * _COPIES * largest),
    )


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _of_decoder(autoencoder: Vqgan, voxels: int) -> tuple[int, int]:
    """Return the weights of its `TrainedDecoder`, and the most numbers in and out of a layer."""
    weights, largest, finer = _count(autoencoder.after), 0, False
    for module in autoencoder.decoder.modules():
        if isinstance(module, UpsampleTwice):
            voxels *= 8 if finer else 1  # the second of two is not joined with a convolution
            finer = True
        elif isinstance(module, nn.Conv3d):
            given = voxels * module.in_channels
            voxels *= 8 if finer else 1
            largest = max(largest, given + voxels * module.out_channels)
            joined = finer and module.kernel_size == (3, 3, 3)
            weights += round(_count(module) * (_TAPS if joined else 1))
            finer = False
    return weights, largest
