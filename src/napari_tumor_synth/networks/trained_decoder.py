"""The decoder of a trained 3D-VQGAN as sampling needs it: the same function in fewer operations."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.networks.blocks import ResidualBlock, UpsampleTwice
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.packed.group_norm import GroupNormRelu
from napari_tumor_synth.networks.vqgan import Vqgan

_SLAB = 1 << 22  # numbers that the last convolution takes at a time; of few, torch makes slow work


class TrainedDecoder(nn.Module):
    """What `Vqgan.decode` computes, up to rounding, for weights that no longer change.

    * Upsampling and the convolution after it are one transposed convolution (8 taps an output
      instead of 27), so that the upsampled array never exists.
    * A batch norm is part of the convolution before it.
    * Group norm, ReLU and the addition after them are one, on processors.
    * The last convolution is float32 always: an image of bfloat16 numbers has some thousand levels
      of grey, by which it could be told from a real one. It takes a few slices at a time, so that
      there is no copy of its whole input.

    Parameters
    ----------
    autoencoder : Vqgan
        Trained; it is not changed.
    dtype : torch.dtype
        To compute in: float32, or bfloat16 where the device is fast at that.
    joined : bool
        Whether upsampling is joined with convolutions, and norms with what follows: on processors.
    """

    def __init__(
        self, autoencoder: Vqgan, dtype: torch.dtype = torch.float32, *, joined: bool = True
    ) -> None:
        super().__init__()
        self.dtype = dtype
        *layers, last = _prepared([autoencoder.after, *autoencoder.decoder], joined=joined)
        self.layers = channels_last(nn.Sequential(*layers).to(dtype))
        self.last: nn.Conv3d | SubPixelConvolution = channels_last(last)  # type: ignore[assignment]
        self.requires_grad_(False).eval()

    def forward(self, vectors: Tensor) -> Tensor:
        """Return ROIs (B, C, S, A, R), float32 in [-1, 1], of vectors (B, embedding, s, a, r)."""
        x = vectors.to(self.dtype, memory_format=torch.channels_last_3d)
        return _in_slabs(self.last, self.layers(x)).tanh_()


class SubPixelConvolution(nn.Module):
    """A 3^3 convolution of the twice upsampled input, computed at once.

    Along one axis, with taps (a, b, c): output 2i is ``a x[i-1] + (b + c) x[i]`` and output 2i + 1
    is ``(a + b) x[i] + c x[i+1]``, which is a transposed convolution with taps (c, b + c, a + b, a)
    and stride 2.

    Parameters
    ----------
    convolution : nn.Conv3d
        Kernel 3, padding 1, stride 1.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        taps = convolution.weight.detach()
        for axis in (2, 3, 4):
            a, b, c = taps.unbind(axis)
            taps = torch.stack([c, b + c, a + b, a], axis)
        self.weight = nn.Parameter(taps.transpose(0, 1).contiguous(), requires_grad=False)
        self.bias = copy.deepcopy(convolution.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, O, 2S, 2A, 2R) of (B, C, S, A, R)."""
        return F.conv_transpose3d(x, self.weight, self.bias, stride=2, padding=1)


class _Residual(nn.Module):
    def __init__(self, block: ResidualBlock, *, joined: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(*_prepared(list(block.body), joined=joined))

    def forward(self, x: Tensor) -> Tensor:
        *layers, last = self.body
        residual = x
        for layer in layers:
            residual = layer(residual)
        if isinstance(last, GroupNormRelu):
            return last.forward(residual, added=x)
        added: Tensor = last(residual).add_(x)
        return added


def _in_slabs(last: nn.Conv3d | SubPixelConvolution, x: Tensor) -> Tensor:
    """Convolve (B, C, S, A, R) in float32, some slices at a time; what is beside them counts."""
    finer = 2 if isinstance(last, SubPixelConvolution) else 1
    slices = max(1, _SLAB * x.shape[2] // x.numel())
    parts = []
    for first in range(0, x.shape[2], slices):
        low = max(first - 1, 0)
        part = last(x[:, :, low : first + slices + 1].float())
        parts.append(part[:, :, finer * (first - low) :][:, :, : finer * slices])
    return torch.cat(parts, dim=2)


def _prepared(layers: list[nn.Module], *, joined: bool) -> list[nn.Module]:
    """Copy layers, joining those that can be."""
    found: list[nn.Module] = []
    rest = list(layers)
    while rest:
        layer = rest.pop(0)
        upsampled = isinstance(layer, UpsampleTwice) and joined and _is_narrow(rest[0])
        if upsampled:
            layer = rest.pop(0)
        if isinstance(layer, nn.Conv3d):
            if rest and isinstance(rest[0], nn.BatchNorm3d):
                layer = _with_norm(layer, rest.pop(0))  # type: ignore[arg-type]
            found.append(SubPixelConvolution(layer) if upsampled else copy.deepcopy(layer))
        elif joined and isinstance(layer, nn.GroupNorm) and isinstance(rest[0], nn.ReLU):
            rest.pop(0)
            found.append(GroupNormRelu(layer))
        elif isinstance(layer, ResidualBlock):
            found.append(_Residual(layer, joined=joined))
        else:
            found.append(copy.deepcopy(layer))
    return found


def _is_narrow(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv3d) and layer.kernel_size == (3, 3, 3)


def _with_norm(convolution: nn.Conv3d, norm: nn.BatchNorm3d) -> nn.Conv3d:
    """Return a convolution that normalises as well, with the running statistics."""
    return torch.nn.utils.fuse_conv_bn_eval(copy.deepcopy(convolution), norm.eval())
