"""One step of a causal transformer: some rows, each a sample at a position, through all layers."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_tumor_synth.networks.packed.atomics import add_one, wait_for_all
from napari_tumor_synth.networks.packed.bfloat16 import stored_in
from napari_tumor_synth.networks.packed.byte_panels import Digits
from napari_tumor_synth.networks.packed.matrices import PackedMatrix
from napari_tumor_synth.networks.packed.numerics import layer_norm, softmax
from napari_tumor_synth.networks.packed.panels import panel_product
from napari_tumor_synth.networks.packed.product import (
    ACTIVATED,
    ADDED,
    PLAIN,
    inputs_of,
    multiply,
)
from napari_tumor_synth.networks.packed.vectors import LANES

PHASES = 5  # of a layer, between which the threads wait for each other


class StepData(NamedTuple):
    """What a step reads and writes; the arrays stay, their contents change.

    Attributes
    ----------
    samples, positions : (most rows,) int64
        Of each row. A row sees the cached positions of its sample up to its own.
    x : (most rows, W) float32
        Embedded rows in, transformed rows out (before the final norm).
    norms : (layers, 4, W) float32
        Gain and shift of the norm before attention, and of that before the feed-forward layer.
    qkv, out, up, down : PackedMatrix
        The four matrices of every layer.
    keys : (layers, B, heads, ceil(length / 64), head width, 64) float32 or uint16
    values : (layers, B, heads, ceil(head width / 64), length, 64) float32 or uint16
        The cache, in float32 or in the bits of bfloat16.
    mixed, attended, hidden : (most rows, wide enough) float32
        Shared scratch.
    normalised : (threads, most rows, W), scores : (threads, 1, length and 64 more) float32
        Scratch of each thread.
    digits : Digits
        Scratch of each thread (an axis before the others), for int8.
    turns : (layers * 5,) int64
        Which part of a phase is next; zero before a step.
    rows : (1,) int64
        How many rows the step has.
    """

    samples: NDArray[np.int64]
    positions: NDArray[np.int64]
    x: NDArray[np.float32]
    norms: NDArray[np.float32]
    qkv: PackedMatrix
    out: PackedMatrix
    up: PackedMatrix
    down: PackedMatrix
    keys: NDArray[np.generic]
    values: NDArray[np.generic]
    mixed: NDArray[np.float32]
    attended: NDArray[np.float32]
    hidden: NDArray[np.float32]
    normalised: NDArray[np.float32]
    scores: NDArray[np.float32]
    digits: Digits
    turns: NDArray[np.int64]
    rows: NDArray[np.int64]


@njit(nogil=True, cache=True, error_model="numpy")
def do_step(thread: int, threads: int, arrivals: Any, rows: int, data: Any) -> None:
    """Do one thread's share of a step; `data.x` holds the result when all threads are done.

    The threads take panels and heads as they come to them, so that none waits long for a slow one.

    Parameters
    ----------
    thread, threads : int
        Which thread this is, and of how many.
    arrivals : (1,) int64
        For `wait_for_all`.
    rows : int
        How many rows of `data` count.
    data : StepData
    """
    x, norms, turns = data.x[:rows], data.norms, data.turns
    own = data.normalised[thread, :rows]
    mixed, attended, hidden = data.mixed[:rows], data.attended[:rows], data.hidden[:rows]
    scratch = data.digits
    digits = Digits(scratch.values[thread], scratch.steps[thread], scratch.shifts[thread])
    width = x.shape[1]
    for layer in range(norms.shape[0]):
        turn = layer * PHASES
        _norm_rows(x, norms[layer, 0], norms[layer, 1], own)
        given = inputs_of(data.qkv, own, width, digits)
        multiply(threads, data.qkv, layer, given, mixed, x, turns, turn, PLAIN)
        wait_for_all(arrivals, threads)
        _attend(thread, rows, layer, data, turns, turn + 1)
        wait_for_all(arrivals, threads)
        given = inputs_of(data.out, attended, width, digits)
        multiply(threads, data.out, layer, given, mixed, x, turns, turn + 2, ADDED)
        wait_for_all(arrivals, threads)
        _norm_rows(x, norms[layer, 2], norms[layer, 3], own)
        given = inputs_of(data.up, own, width, digits)
        multiply(threads, data.up, layer, given, hidden, x, turns, turn + 3, ACTIVATED)
        wait_for_all(arrivals, threads)
        given = inputs_of(data.down, hidden, 4 * width, digits)
        multiply(threads, data.down, layer, given, mixed, x, turns, turn + 4, ADDED)
        wait_for_all(arrivals, threads)


@njit(nogil=True, cache=True, error_model="numpy")
def _norm_rows(x: Any, gain: Any, shift: Any, out: Any) -> None:
    for row in range(x.shape[0]):
        layer_norm(x[row], gain, shift, out[row])


@njit(nogil=True, cache=True, error_model="numpy")
def _attend(thread: int, rows: int, layer: int, data: Any, turns: Any, turn: int) -> None:
    """Let all rows attend with one head after the other, until none is left."""
    heads, head = data.keys.shape[2], data.keys.shape[4]
    scale = np.float32(1.0 / np.sqrt(head))
    while True:
        one = add_one(turns, turn)
        if one >= heads:
            return
        for row in range(rows):  # all of them before any attends: rows see those before them
            _remember(data.mixed[row], layer, data.samples[row], one, data.positions[row], data)
        columns = slice(one * head, (one + 1) * head)
        for row in range(rows):
            sample = data.samples[row]
            _attend_row(
                data.mixed[row : row + 1, columns],
                data.keys[layer, sample, one],
                data.values[layer, sample, one],
                data.positions[row] + 1,
                scale,
                data.scores[thread],
                data.attended[row, columns],
            )


@njit(nogil=True, cache=True, error_model="numpy")
def _remember(mixed: Any, layer: int, sample: int, one: int, position: int, data: Any) -> None:
    """Put key and value of a row into the cache of one head."""
    keys, values = data.keys, data.values
    head = keys.shape[4]
    width = keys.shape[2] * head
    for i in range(head):
        column = one * head + i
        key, value = mixed[width + column], mixed[2 * width + column]
        keys[layer, sample, one, position // LANES, i, position % LANES] = stored_in(key, keys)
        values[layer, sample, one, i // LANES, position, i % LANES] = stored_in(value, values)


@njit(nogil=True, cache=True, error_model="numpy")
def _attend_row(
    query: Any, keys: Any, values: Any, seen: int, scale: Any, scores: Any, result: Any
) -> None:
    """Attend with one head's query (1, head width) to what is cached; result (head width,)."""
    head = query.shape[1]
    panels = (seen + LANES - 1) // LANES
    for panel in range(panels):
        following = 1 if panel + 1 < panels else 0
        panel_product(keys, panel, following, query, head, scores, panel * LANES)
    for i in range(seen):
        scores[0, i] *= scale
    softmax(scores[0], seen)
    end = scores.shape[1] - LANES  # behind the scores: one panel of the result
    for panel in range(values.shape[0]):
        panel_product(values, panel, 0, scores, seen, scores, end)
        for i in range(panel * LANES, min((panel + 1) * LANES, head)):
            result[i] = scores[0, end + i - panel * LANES]
