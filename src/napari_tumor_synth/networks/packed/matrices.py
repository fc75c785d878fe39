"""Matrices in the order in which a step reads them, in three precisions."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.networks.packed.byte_panels import GROUP, ZERO
from napari_tumor_synth.networks.packed.vectors import LANES

Precision = Literal["float32", "bfloat16", "int8"]
_STORED = {"float32": np.float32, "bfloat16": np.uint16, "int8": np.uint8}


class PackedMatrix(NamedTuple):
    """The matrices of one kind, of all layers.

    Attributes
    ----------
    panels : ndarray
        (layers, P, in, 64) float32 or uint16 (the bits of bfloat16), P = ceil(out / 64); or
        (layers, P, ceil(in / 4), 64, 4) uint8 (the weight + 128).
    scales, biases : ndarray
        (layers, P * 64) float32: a product is ``panels @ row * scales + biases``.
    """

    panels: NDArray[np.generic]
    scales: NDArray[np.float32]
    biases: NDArray[np.float32]


def pack(
    layers: Sequence[tuple[Callable[[], Tensor], Tensor | None]],
    shape: tuple[int, int],
    precision: Precision,
) -> PackedMatrix:
    """Pack matrices (out, in) and their biases (out,).

    int8 takes, for every output, the step at which its largest weight is 127.

    Parameters
    ----------
    layers : sequence
        For each layer something that returns its matrix (asked for one at a time, so that no more
        than one is in memory) and its bias.
    shape : tuple of int
        (out, in) of all of them.
    precision : {"float32", "bfloat16", "int8"}
        Of the stored weights.
    """
    out, depth = shape
    count = -(-out // LANES)
    line = (-(-depth // GROUP), LANES, GROUP) if precision == "int8" else (depth, LANES)
    panels = np.zeros((len(layers), count, *line), _STORED[precision])
    scales = np.ones((len(layers), count * LANES), np.float32)
    biases = np.zeros((len(layers), count * LANES), np.float32)
    for number, (matrix, bias) in enumerate(layers):
        weights = matrix().detach().float()
        if bias is not None:
            biases[number, :out] = bias.detach().float().numpy()
        if precision == "int8":
            steps = weights.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / 127
            scales[number, :out] = steps.numpy()
            weights = weights / steps[:, None]
        stored = _stored(weights, precision)
        for panel in range(count):
            rows = stored[panel * LANES : (panel + 1) * LANES]
            if precision == "int8":
                padded = np.pad(rows, ((0, 0), (0, -depth % GROUP)))
                grouped = padded.reshape(len(rows), -1, GROUP).swapaxes(0, 1)
                panels[number, panel, :, : len(rows)] = grouped
            else:
                panels[number, panel, :, : len(rows)] = rows.T
    return PackedMatrix(panels, scales, biases)


def _stored(weights: Tensor, precision: Precision) -> NDArray[np.generic]:
    if precision == "int8":
        return (weights.round() + ZERO).to(torch.uint8).numpy()
    if precision == "bfloat16":
        return weights.bfloat16().view(torch.int16).numpy().view(np.uint16)
    return weights.numpy()
