"""The decoder of the 3D-VQGAN: latents to ROIs (shapes in `vqgan_settings`)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.networks.blocks import ResidualBlock, UpsampleTwice, activation, make_norm
from napari_tumor_synth.networks.recompute import through
from napari_tumor_synth.networks.vqgan_settings import VqganSettings


class Decoder(nn.Sequential):
    """Convolutions, residual blocks and upsampling.

    On a processor, once trained, each upsampling with the convolution after it is computed as one
    transposed convolution: the same up to rounding, and without the large array between them
    (`benchmarks/decoder.py` times whole decoders).

    Parameters
    ----------
    settings : VqganSettings
        Shape of the autoencoder.
    """

    def __init__(self, settings: VqganSettings) -> None:
        super().__init__(*_layers(settings))
        self.recompute = False

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, S, A, R), not yet squashed, of (B, width, s, a, r)."""
        if self.training or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return through(list(self), x, recompute=self.recompute)
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if isinstance(layer, UpsampleTwice) and _can_be_joined(layers[0]):
                x = upsampled_convolution(x, layers.pop(0))
            else:
                x = layer(x)
        return x


def upsampled_convolution(x: Tensor, convolution: nn.Module) -> Tensor:
    """Return what a 3^3 convolution makes of the twice upsampled input, computed at once.

    Along one axis, with taps (a, b, c): output 2i is ``a x[i-1] + (b + c) x[i]`` and output 2i + 1
    is ``(a + b) x[i] + c x[i+1]``, which is a transposed convolution with taps (c, b + c, a + b, a)
    and stride 2.

    Parameters
    ----------
    x : Tensor
        (B, C, S, A, R).
    convolution : nn.Conv3d
        Kernel 3, padding 1, stride 1.

    Returns
    -------
    Tensor
        (B, O, 2S, 2A, 2R).
    """
    assert isinstance(convolution, nn.Conv3d)
    taps = convolution.weight
    for axis in (2, 3, 4):
        a, b, c = taps.unbind(axis)
        taps = torch.stack([c, b + c, a + b, a], axis)
    return F.conv_transpose3d(x, taps.transpose(0, 1), convolution.bias, stride=2, padding=1)


def _can_be_joined(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv3d) and layer.kernel_size == (3, 3, 3)


def _layers(settings: VqganSettings) -> list[nn.Module]:
    widths, all_blocks = settings.decoder_shape
    doublings = settings.strides.count(2)
    layers: list[nn.Module] = []
    width = settings.widths[-1]
    for stage, (narrower, blocks) in enumerate(zip(widths, all_blocks, strict=True)):
        if stage >= len(widths) - doublings:
            layers.append(UpsampleTwice())
        layers += [
            nn.Conv3d(width, narrower, 3, padding=1),
            make_norm(settings.norm, narrower),
            activation(0.0),
            *(ResidualBlock(narrower, settings.norm, 0.0) for _ in range(blocks)),
        ]
        width = narrower
    # lat4 doubles five times in four stages: the papers' code has the surplus here
    layers += [UpsampleTwice() for _ in range(doublings - len(widths))]
    kernel = settings.final_kernel
    layers.append(nn.Conv3d(width, settings.in_channels, kernel, padding=kernel // 2))
    return layers
