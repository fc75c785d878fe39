"""The 3D-VQGAN autoencoder (Zhou23 section 3.1, Zhou24 2.1; sources in `vqgan_settings`)."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.blocks import (
    LEAK,
    ResidualBlock,
    activation,
    initialise,
    make_norm,
)
from napari_tumor_synth.networks.decoder import Decoder
from napari_tumor_synth.networks.quantiser import EmaQuantiser, Quantised
from napari_tumor_synth.networks.recompute import through
from napari_tumor_synth.networks.vqgan_settings import Grid, VqganSettings

__all__ = ["Vqgan", "VqganOutput", "VqganSettings"]

_BACKGROUND = -1.0  # imaging.intensity.BACKGROUND, which this floor does not see; a test compares


@dataclass(frozen=True)
class VqganOutput:
    """What a forward pass gives.

    Attributes
    ----------
    reconstruction : Tensor
        (B, C, S, A, R) float32 in [-1, 1].
    quantised : Quantised
        Vectors, codes (B, levels, s, a, r) and the commitment loss.
    latent : Tensor
        (B, embedding, s, a, r), before the quantiser: what the scoring network sees.
    """

    reconstruction: Tensor
    quantised: Quantised
    latent: Tensor


class Encoder(nn.Sequential):
    """Convolutions and residual blocks, coarser stage by stage.

    Parameters
    ----------
    settings : VqganSettings
        Shape of the autoencoder.
    """

    def __init__(self, settings: VqganSettings) -> None:
        super().__init__(*_layers(settings))
        self.recompute = False

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, width, s, a, r) of ROIs (B, C, S, A, R)."""
        return through(list(self), x, recompute=self.recompute)


def _layers(settings: VqganSettings) -> list[nn.Module]:
    layers: list[nn.Module] = []
    width = settings.in_channels
    stages = zip(settings.widths, settings.strides, settings.residual_blocks, strict=True)
    for wider, stride, blocks in stages:
        layers += [
            nn.Conv3d(width, wider, kernel_size=2 + stride, stride=stride, padding=1),
            make_norm(settings.norm, wider),
            activation(LEAK),
            *(ResidualBlock(wider, settings.norm, LEAK) for _ in range(blocks)),
        ]
        width = wider
    return layers


class Vqgan(nn.Module):
    """3D-VQGAN autoencoder: encoder, quantiser, decoder.

    Fastest in ``channels_last_3d`` under bfloat16 autocast; the quantiser computes in float32
    whatever surrounds it, and the output is float32.

    Parameters
    ----------
    settings : VqganSettings
        Shape of the network.
    """

    def __init__(self, settings: VqganSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings)
        self.before = nn.Conv3d(settings.widths[-1], settings.embedding, 1)
        self.quantiser = EmaQuantiser(
            width=settings.embedding,
            codes=settings.codes,
            levels=settings.levels,
            lookup=settings.lookup,
            decay=settings.decay,
            commitment=settings.commitment,
            revive_below=settings.revive_below,
            kmeans_iterations=settings.kmeans_iterations,
            zero_code=settings.empty_positions == "zero",
        )
        self.after = nn.Conv3d(settings.embedding, settings.widths[-1], 1)
        self.decoder = Decoder(settings)
        initialise(self, settings.initialisation)

    def latent_shape(self, size: Grid) -> Grid:
        """Return the latent grid (s, a, r) of an ROI of `size`; InputError if it has none."""
        return self.settings.latent_shape(size)

    def encode(self, x: Tensor) -> Tensor:
        """Return the latent (B, embedding, s, a, r) of ROIs (B, C, S, A, R) in [-1, 1].

        With `empty_positions = "zero"` it is zero where the block of the ROI that a position stands
        for holds background alone.

        Raises
        ------
        InputError
            If the channels are not the model's, or a side is not divisible by the downsampling.
        """
        if x.ndim != 5 or x.shape[1] != self.settings.in_channels:
            raise InputError(
                f"The model takes {self.settings.in_channels} sequence(s) as (batch, channel, S, "
                f"A, R), not an array of shape {tuple(x.shape)}.",
                "Give the sequences that the model was trained on, one a channel.",
            )
        self.latent_shape((x.shape[2], x.shape[3], x.shape[4]))
        latent: Tensor = self.before(self.encoder(x))
        if self.settings.empty_positions == "zero":
            latent = latent * self._occupied(x).to(latent.dtype)
        return latent

    def _occupied(self, x: Tensor) -> Tensor:
        """Return (B, 1, s, a, r): 1 where a block of ROIs (B, C, S, A, R) holds tumour, else 0."""
        tumour = (x > _BACKGROUND).any(dim=1, keepdim=True).to(x)
        return F.max_pool3d(tumour, self.settings.downsampling)

    def quantise(self, latent: Tensor) -> Quantised:
        """Quantise a latent."""
        quantised: Quantised = self.quantiser(latent)
        return quantised

    def decode(self, vectors: Tensor) -> Tensor:
        """Return ROIs (B, C, S, A, R), float32 in [-1, 1], of vectors (B, embedding, s, a, r)."""
        decoded: Tensor = self.decoder(self.after(vectors))
        return decoded.float().tanh()

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Return ROIs (B, C, S, A, R) of codes (B, levels, s, a, r)."""
        return self.decode(self.quantiser.vectors_of(codes))

    def forward(self, x: Tensor) -> VqganOutput:
        """Reconstruct ROIs (B, C, S, A, R) in [-1, 1]."""
        latent = self.encode(x)
        quantised = self.quantise(latent)
        return VqganOutput(self.decode(quantised.vectors), quantised, latent)
