"""The few layers that encoder, decoder and discriminator are made of."""

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["batch", "group", "channel"]
Initialisation = Literal["torch", "normal"]

NORM_GROUPS = 8
LEAK = 0.2


class ChannelNorm(nn.Module):
    """Normalise every voxel over its channels.

    No statistics cross voxels, so a network trained on patches computes the same thing on whole
    volumes (away from the patches' borders), whatever the batch. It is fastest in
    ``torch.channels_last_3d``, which is also the memory format of what it returns.

    Parameters
    ----------
    channels : int
        Channels of the input (B, C, S, A, R).
    eps : float
        Added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, same shape and type."""
        normalised: Tensor = self.norm(x.movedim(1, -1)).movedim(-1, 1)
        return normalised.to(x.dtype)  # CUDA autocast returns float32


def make_norm(kind: Norm, channels: int) -> nn.Module:
    """Return a norm layer: batch [Zhou23], eight groups [Zhou24] or channel (this project's)."""
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    if kind == "group":
        return nn.GroupNorm(NORM_GROUPS, channels, eps=1e-6)
    return ChannelNorm(channels)


def uneven_groups(norm: Norm, widths: Sequence[int]) -> list[int]:
    """Return the widths that the norm cannot split into its groups."""
    return [width for width in widths if width % NORM_GROUPS] if norm == "group" else []


def activation(leak: float) -> nn.Module:
    """Return LeakyReLU, or ReLU for a leak of 0; its input is overwritten, to save memory."""
    return nn.LeakyReLU(leak, inplace=True) if leak else nn.ReLU(inplace=True)


class ResidualBlock(nn.Module):
    """Twice convolution, norm and activation; the input is added last, with nothing after it.

    Deviation from the authors' code: each group norm has its own affine, where Zhou24 uses one
    object twice in a block. (Zhou23 also registers group norms that it never calls; they are in
    the published count of parameters, and not here.)

    Parameters
    ----------
    width : int
        Channels in and out.
    norm : {"batch", "group", "channel"}
        Norm layer.
    leak : float
        Slope of the activation below zero.
    """

    def __init__(self, width: int, norm: Norm, leak: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(width, width, 3, padding=1),
            make_norm(norm, width),
            activation(leak),
            nn.Conv3d(width, width, 3, padding=1),
            make_norm(norm, width),
            activation(leak),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + body(x)``."""
        residual: Tensor = self.body(x)
        return residual + x


class UpsampleTwice(nn.Module):
    """Nearest-neighbour upsampling by 2 along each axis."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, 2S, 2A, 2R)."""
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


def initialise(module: nn.Module, how: Initialisation) -> None:
    """Redraw the weights of convolutions and norms in place.

    Parameters
    ----------
    module : torch.nn.Module
        Network to initialise.
    how : {"torch", "normal"}
        "torch" leaves torch's defaults. "normal" is what Zhou23's code does: convolution weights
        and norm gains from N(0, 0.02), biases 0. (Gains near 0 instead of 1 look like an oversight
        there; the papers say nothing.)
    """
    if how == "torch":
        return
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d | nn.BatchNorm3d | nn.GroupNorm | nn.LayerNorm):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
