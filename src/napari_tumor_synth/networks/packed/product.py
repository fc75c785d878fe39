"""Products of rows with whole packed matrices, and what follows a product."""

from typing import Any

import numpy as np
import torch
from numba import njit, types
from numba.extending import overload
from torch import Tensor, nn

from napari_tumor_synth.networks.packed.atomics import add_one
from napari_tumor_synth.networks.packed.byte_panels import GROUP, byte_panel_product, write_digits
from napari_tumor_synth.networks.packed.matrices import pack
from napari_tumor_synth.networks.packed.numerics import gelu
from napari_tumor_synth.networks.packed.panels import panel_product
from napari_tumor_synth.networks.packed.vectors import LANES

PLAIN, ACTIVATED, ADDED = 0, 1, 2  # what becomes of a product


@njit(nogil=True, cache=True, error_model="numpy")
def multiply(
    threads: int,
    matrix: Any,
    layer: int,
    rows: Any,
    result: Any,
    x: Any,
    turns: Any,
    turn: int,
    then: int,
) -> None:
    """Multiply rows with panels of a layer's matrix until no thread finds one left.

    Parameters
    ----------
    threads : int
        How many share the work.
    matrix : PackedMatrix
    layer : int
    rows : (N, in) float32, or Digits
        As `inputs_of` returns them.
    result : (N, at least P * 64) float32
    x : (N, out) float32
        What the result is added to, if it is.
    turns : (>= turn + 1,) int64
        Holds at `turn` which panel is next.
    then : int
        `PLAIN`, `ACTIVATED` (by GELU) or `ADDED` (to `x`).
    """
    panels, scales, biases = matrix.panels[layer], matrix.scales[layer], matrix.biases[layer]
    while True:
        panel = add_one(turns, turn)
        if panel >= panels.shape[0]:
            return
        first, last = panel * LANES, (panel + 1) * LANES
        _one_panel(panels, panel, threads, rows, result, first)
        for row in range(result.shape[0]):
            part = result[row, first:last]
            _scale(part, scales[first:last], biases[first:last])
            if then == ACTIVATED:
                _activate(part)
            elif then == ADDED:
                _add(part, x[row, first:last])


def inputs_of(matrix: Any, rows: Any, width: int, digits: Any) -> Any:
    """Return rows (N, >= width) as products with a matrix (out, width) want them.

    Those with bytes want whole numbers, which are written into `digits`.
    """


@overload(inputs_of)
def _inputs_of(matrix: Any, rows: Any, width: int, digits: Any) -> Any:
    def floats(matrix: Any, rows: Any, width: int, digits: Any) -> Any:
        return rows

    def whole_numbers(matrix: Any, rows: Any, width: int, digits: Any) -> Any:
        for row in range(rows.shape[0]):
            write_digits(rows[row, :width], digits, row, matrix.panels.shape[2] * GROUP)
        return digits

    return whole_numbers if _is_bytes(matrix.types[0]) else floats


def _one_panel(panels: Any, panel: int, step: int, rows: Any, result: Any, first: int) -> None:
    """Multiply rows with a panel, of whatever it is made."""


@overload(_one_panel)
def _one_panel_of(panels: Any, panel: int, step: int, rows: Any, result: Any, first: int) -> Any:
    def floats(panels: Any, panel: int, step: int, rows: Any, result: Any, first: int) -> None:
        panel_product(panels, panel, step, rows, panels.shape[1], result, first)

    def whole_numbers(
        panels: Any, panel: int, step: int, rows: Any, result: Any, first: int
    ) -> None:
        byte_panel_product(panels, panel, step, rows, result.shape[0], result, first)

    return whole_numbers if _is_bytes(panels) else floats


def _is_bytes(array: Any) -> bool:
    return bool(array.dtype == types.uint8)


@njit(nogil=True, cache=True, error_model="numpy")
def _scale(part: Any, scales: Any, biases: Any) -> None:
    for i in range(part.shape[0]):
        part[i] = part[i] * scales[i] + biases[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _activate(part: Any) -> None:
    for i in range(part.shape[0]):
        part[i] = gelu(part[i])


@njit(nogil=True, cache=True, error_model="numpy")
def _add(part: Any, x: Any) -> None:
    for i in range(x.shape[0]):  # which may be narrower than a panel
        x[i] += part[i]


class PackedLinear:
    """A linear layer whose result for a row does not depend on how many rows there are.

    Parameters
    ----------
    layer : nn.Linear
        Float32, on the processor.
    """

    def __init__(self, layer: nn.Linear) -> None:
        self.width = layer.out_features
        self._matrix = pack(
            [(lambda: layer.weight, layer.bias)],
            (layer.out_features, layer.in_features),
            "float32",
        )

    def __call__(self, rows: Tensor) -> Tensor:
        """Return (..., out) of (..., in)."""
        flat = rows.reshape(-1, rows.shape[-1]).contiguous().numpy()
        result = np.empty((len(flat), self._matrix.panels.shape[1] * LANES), np.float32)
        multiply(1, self._matrix, 0, flat, result, flat, np.zeros(1, np.int64), 0, PLAIN)
        return torch.from_numpy(result[:, : self.width]).view(*rows.shape[:-1], self.width)
