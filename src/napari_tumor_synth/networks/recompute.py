"""Activations that are computed again in the backward pass instead of being kept (less memory).

Chen et al. 2016, "Training deep nets with sublinear memory cost".
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from napari_tumor_synth.networks.blocks import UpsampleTwice


def set_recompute(module: nn.Module, on: bool) -> None:
    """Let every part of a network that can do so compute activations again, or keep them."""
    for part in module.modules():
        if hasattr(part, "recompute"):
            part.recompute = on  # type: ignore[assignment]


def recomputed(layers: nn.Module, x: Tensor) -> Tensor:
    """Return ``layers(x)``, keeping for the backward pass `x` alone.

    Running statistics of batch norms are updated once, as without recomputing.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _StatisticsKept(layers)

    result: Tensor = checkpoint(layers, x, use_reentrant=False, context_fn=contexts)
    return result


def through(layers: Sequence[nn.Module], x: Tensor, *, recompute: bool) -> Tensor:
    """Send `x` through convolutions, norms and blocks, recomputing them by resolution."""
    if not recompute or not torch.is_grad_enabled():
        for layer in layers:
            x = layer(x)
        return x
    for segment in _segments(layers):
        x = recomputed(nn.Sequential(*segment), x)
    return x


def _segments(layers: Sequence[nn.Module]) -> list[list[nn.Module]]:
    """Cut before every convolution, or before the upsampling that it belongs to."""
    segments: list[list[nn.Module]] = []
    for layer in layers:
        begins = isinstance(layer, UpsampleTwice) or (
            isinstance(layer, nn.Conv3d)
            and not (segments and isinstance(segments[-1][-1], UpsampleTwice))
        )
        if begins or not segments:
            segments.append([])
        segments[-1].append(layer)
    return segments


class _StatisticsKept:
    """Leaves running statistics as they are; entered once for every backward pass."""

    def __init__(self, module: nn.Module) -> None:
        self.norms = [norm for norm in module.modules() if isinstance(norm, _BatchNorm)]
        self.before: list[tuple[float | None, Tensor | None]] = []

    def __enter__(self) -> None:
        self.before = [(norm.momentum, norm.num_batches_tracked) for norm in self.norms]
        for norm in self.norms:
            norm.momentum = 0.0
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked = norm.num_batches_tracked.clone()

    def __exit__(self, *error: object) -> None:
        for norm, (momentum, count) in zip(self.norms, self.before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
