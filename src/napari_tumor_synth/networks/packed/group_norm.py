"""Group norm, ReLU and the addition after them in two passes over memory, for sampling."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_tumor_synth.networks.packed.bfloat16 import stored_in, value_of

_PARTS = 16  # of a volume, whose sums are added in order: they do not depend on the threads
_LINES = 64  # that are added up in float32
_VOXELS = 8  # in a line, where they divide evenly: longer loops


class GroupNormRelu(nn.Module):
    """What `nn.GroupNorm` and `nn.ReLU` make of a volume, written over it; on a processor.

    torch's own reads channels-last volumes several times over. Sums are float64, and the result is
    rounded once, after the addition.

    Parameters
    ----------
    norm : nn.GroupNorm
        Trained, with gains and shifts.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.gain = norm.weight.detach().double().numpy()
        self.shift = norm.bias.detach().double().numpy()

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Return relu(norm(x)) + added, all (B, C, S, A, R), float32 or bfloat16; x is lost."""
        x = x.contiguous(memory_format=torch.channels_last_3d)
        threads = torch.get_num_threads()
        with ThreadPoolExecutor(threads) as pool:
            for number in range(len(x)):
                other = None if added is None else _lines(added[number : number + 1])
                self._finish(_lines(x[number : number + 1]), other, pool)
        return x

    def _finish(
        self,
        lines: NDArray[np.generic],
        added: NDArray[np.generic] | None,
        pool: ThreadPoolExecutor,
    ) -> None:
        width = lines.shape[1]
        edges = np.linspace(0, len(lines), _PARTS + 1).astype(int)
        parts = [lines[a:b] for a, b in pairwise(edges)]
        sums = np.sum(list(pool.map(partial(_sums, lines[0].copy()), parts)), axis=0)
        mean, deviation = self._moments(lines[:1], sums, len(lines))
        of_channels = np.array([mean, self.gain / deviation, self.shift], np.float32)
        factors = np.tile(of_channels, width // len(mean))
        if added is None:
            list(pool.map(partial(_apply, factors), parts))
        else:
            others = [added[a:b] for a, b in pairwise(edges)]
            list(pool.map(partial(_apply_and_add, factors), parts, others))

    def _moments(
        self, first: NDArray[np.generic], sums: NDArray[np.float64], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of each channel's group, from sums about the first line."""
        each = len(self.gain) // self.groups
        own = _values(first)[0] + sums[0] / count
        about_own = (sums[1] - sums[0] ** 2 / count) / count
        # (voxels of a line, groups, channels of one)
        own, about_own = (part.reshape(-1, self.groups, each) for part in (own, about_own))
        mean = own.mean((0, 2))
        variance = about_own.mean((0, 2)) + own.var((0, 2))
        deviation = np.sqrt(np.maximum(variance, 0) + self.eps)
        return mean.repeat(each), deviation.repeat(each)


def _lines(x: Tensor) -> NDArray[np.generic]:
    """Return one volume (1, C, S, A, R) as lines of a few voxels, all channels of each."""
    flat = x.contiguous(memory_format=torch.channels_last_3d).movedim(1, -1)
    voxels = flat.numel() // flat.shape[-1]
    together = _VOXELS if voxels % _VOXELS == 0 else 1
    flat = flat.view(-1, together * flat.shape[-1])
    if flat.dtype == torch.bfloat16:
        bits: NDArray[np.uint16] = flat.view(torch.int16).numpy().view(np.uint16)
        return bits
    values: NDArray[np.float32] = flat.numpy()
    return values


@njit(nogil=True, cache=True, error_model="numpy")
def _values(lines: Any) -> Any:
    values = np.empty(lines.shape)
    for number in range(lines.shape[0]):
        for i in range(lines.shape[1]):
            values[number, i] = value_of(lines[number, i])
    return values


@njit(nogil=True, cache=True, error_model="numpy")
def _sums(about: Any, lines: Any) -> Any:
    """Return sums (2, width) of differences of lines (N, width) to one, and of their squares."""
    count, width = lines.shape
    totals = np.zeros((2, width))
    plain, squares = np.zeros(width, np.float32), np.zeros(width, np.float32)
    pivot = np.empty(width, np.float32)
    for i in range(width):
        pivot[i] = value_of(about[i])
    for first in range(0, count, _LINES):
        plain[:] = 0
        squares[:] = 0
        for number in range(first, min(first + _LINES, count)):
            line = lines[number]
            for i in range(width):
                value = value_of(line[i]) - pivot[i]
                plain[i] += value
                squares[i] += value * value
        totals[0] += plain
        totals[1] += squares
    return totals


@njit(nogil=True, cache=True, error_model="numpy")
def _apply(factors: Any, lines: Any) -> None:
    mean, scale, shift = factors[0], factors[1], factors[2]
    for number in range(lines.shape[0]):
        line = lines[number]
        for i in range(line.shape[0]):
            value = (value_of(line[i]) - mean[i]) * scale[i] + shift[i]
            value = np.float32(0) if value < 0 else value
            line[i] = stored_in(value, line)


@njit(nogil=True, cache=True, error_model="numpy")
def _apply_and_add(factors: Any, lines: Any, added: Any) -> None:
    mean, scale, shift = factors[0], factors[1], factors[2]
    for number in range(lines.shape[0]):
        line, other = lines[number], added[number]
        for i in range(line.shape[0]):
            value = (value_of(line[i]) - mean[i]) * scale[i] + shift[i]
            value = np.float32(0) if value < 0 else value
            line[i] = stored_in(np.float32(value + value_of(other[i])), line)
