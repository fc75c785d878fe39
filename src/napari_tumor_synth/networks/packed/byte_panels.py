"""Products of matrices of bytes with a few rows, in whole numbers.

A weight is a byte; an input is two of them, ``256 h + l`` steps of its row, which leaves it 15 bits
and its sign. Both products with a weight are sums of four in one instruction, where the processor
has it (VNNI), and four times fewer than products of float32. Whole numbers add up to the same in
any order: a row's result depends on that row alone, bit for bit, on every kind of processor.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import signature
from numpy.typing import NDArray

from napari_tumor_synth.networks.packed.vectors import (
    LANES,
    at_index,
    intrinsic,
    offset_of,
    prefetch,
    spread_over,
)

GROUP = 4
"""Inputs whose products with a weight each are one sum at once."""
ZERO = 128
"""The byte that stands for a weight of zero: the instruction wants one factor without a sign."""
_LARGEST = np.float32(127 * 256)  # h then fits a byte, whatever l is
_ROUNDING, _ITS_BITS = np.float32(1.5 * 2**23), np.int32(0x4B400000)  # no digits behind the point
_SIGN = np.int32(0x7FFFFFFF)
_VECTOR = 16  # sums in a register

_BYTES = ir.VectorType(ir.IntType(8), _VECTOR * GROUP)
_SUMS = ir.VectorType(ir.IntType(32), _VECTOR)
_LONG_SUMS = ir.VectorType(ir.IntType(64), _VECTOR)
_FLOATS = ir.VectorType(ir.FloatType(), _VECTOR)


class Digits(NamedTuple):
    """Rows as whole numbers: input i of row n is ``(256 h + l) * steps[n]``.

    Attributes
    ----------
    values : (N, 2, K) int8
        h and l of each input.
    steps : (N,) float32
    shifts : (N,) int64
        What a product is too large by, because a weight w is stored as w + 128.
    """

    values: NDArray[np.int8]
    steps: NDArray[np.float32]
    shifts: NDArray[np.int64]


@njit(nogil=True, cache=True, error_model="numpy")
def write_digits(row: Any, digits: Any, number: int, depth: int) -> None:
    """Write a row (W,) float32 as row `number` of digits, and zeros from W to `depth`."""
    width = row.shape[0]
    bits = row.view(np.int32)
    largest = np.int32(0)
    for i in range(width):
        largest = max(largest, bits[i] & _SIGN)
    most = np.int32(largest).view(np.float32)
    steps = _LARGEST / most if most > 0 else np.float32(0)
    high, low = digits.values[number, 0], digits.values[number, 1]
    total = np.int64(0)
    for i in range(width):
        rounded = np.float32(row[i] * steps + _ROUNDING).view(np.int32) - _ITS_BITS
        total += rounded
        high[i] = (rounded + 128) >> 8
        low[i] = rounded  # its last byte, with that byte's sign
    high[width:depth] = 0
    low[width:depth] = 0
    digits.steps[number] = most / _LARGEST
    digits.shifts[number] = total * 128  # = ZERO


@njit(nogil=True, cache=True, error_model="numpy")
def byte_panel_product(
    panels: Any, panel: int, step: int, digits: Any, count: int, out: Any, column: int
) -> None:
    """Multiply rows with one panel, and write 64 columns of the result.

    Parameters
    ----------
    panels : (P, K / 4, 64, 4) uint8
        Weights + 128.
    panel, step : int
        See `panels.panel_product`.
    digits : Digits
    count : int
        How many rows of it.
    out : (N, >= column + 64) float32
    column : int
        Where to write.
    """
    row = 0
    while count - row >= 3:
        _three_rows(
            panels, panel, step, digits.values, digits.steps, digits.shifts, row, out, column
        )
        row += 3
    while row < count:
        _one_row(panels, panel, step, digits.values, digits.steps, digits.shifts, row, out, column)
        row += 1


def _generate(
    context: Any, builder: Any, sig: Any, args: Sequence[ir.Value], together: int
) -> ir.Value:
    """Write the loop over the inputs of a panel, for some rows at once."""
    panels, values, steps, shifts, out = (
        context.make_array(sig.args[i])(context, builder, args[i]) for i in (0, 3, 4, 5, 7)
    )
    _, panel, step, *_, row, _, column = args
    weights = at_index(builder, panels, panel)
    following = cgutils.pointer_add(builder, weights, offset_of(builder, panels, step))
    groups = cgutils.unpack_tuple(builder, panels.shape)[1]
    numbers = [builder.add(row, row.type(number)) for number in range(together)]
    low = cgutils.unpack_tuple(builder, values.strides)[1]
    inputs = [
        [at, cgutils.pointer_add(builder, at, low)]
        for at in (at_index(builder, values, number) for number in numbers)
    ]
    parts = range(LANES // _VECTOR)
    zero = ir.Constant(_SUMS, [0] * _VECTOR)
    sums = [
        [[cgutils.alloca_once_value(builder, zero) for _ in parts] for _ in both] for both in inputs
    ]
    size = _VECTOR * GROUP
    with cgutils.for_range(builder, groups) as loop:
        line = builder.mul(loop.index, loop.index.type(LANES * GROUP))
        places = [builder.add(line, line.type(part * size)) for part in parts]
        vectors = [
            _loaded(builder, cgutils.pointer_add(builder, weights, place), _BYTES)
            for place in places
        ]
        prefetch(builder, cgutils.pointer_add(builder, following, line))
        four = builder.mul(loop.index, loop.index.type(GROUP))
        for both, of_both in zip(inputs, sums, strict=True):
            for digit, totals in zip(both, of_both, strict=True):
                at = cgutils.pointer_add(builder, digit, four)
                spread = spread_over(builder, _loaded(builder, at, ir.IntType(32)), _VECTOR)
                for total, vector in zip(totals, vectors, strict=True):
                    added = _add_products(builder, builder.load(total), vector, spread)
                    builder.store(added, total)
    for number, (high_sums, low_sums) in zip(numbers, sums, strict=True):
        scale = spread_over(builder, builder.load(at_index(builder, steps, number)), _VECTOR)
        shift = spread_over(builder, builder.load(at_index(builder, shifts, number)), _VECTOR)
        start = builder.add(offset_of(builder, out, number), builder.mul(column, column.type(4)))
        for part, (high, lower) in enumerate(zip(high_sums, low_sums, strict=True)):
            whole = builder.shl(
                builder.sext(builder.load(high), _LONG_SUMS),
                ir.Constant(_LONG_SUMS, [8] * _VECTOR),
            )
            whole = builder.add(whole, builder.sext(builder.load(lower), _LONG_SUMS))
            product = builder.sitofp(builder.sub(whole, shift), _FLOATS)
            at = cgutils.pointer_add(
                builder, out.data, builder.add(start, start.type(part * _VECTOR * 4))
            )
            at = builder.bitcast(at, _FLOATS.as_pointer())
            builder.store(builder.fmul(product, scale), at, align=4)
    return context.get_dummy_value()


def _loaded(builder: Any, at: ir.Value, kind: ir.Type) -> ir.Value:
    return builder.load(builder.bitcast(at, kind.as_pointer()), align=1)


def _add_products(builder: Any, total: ir.Value, weights: ir.Value, spread: ir.Value) -> ir.Value:
    """Add to 16 sums four products each: of weights (64 bytes) and four inputs, spread."""
    if has_vnni():
        kind = ir.FunctionType(_SUMS, [_SUMS] * 3)
        name = "llvm.x86.avx512.vpdpbusd.512"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [total, builder.bitcast(weights, _SUMS), spread])
    inputs = builder.bitcast(spread, _BYTES)
    for number in range(GROUP):
        order = ir.Constant(_SUMS, [GROUP * lane + number for lane in range(_VECTOR)])
        nothing = ir.Constant(_BYTES, ir.Undefined)
        weight = builder.zext(builder.shuffle_vector(weights, nothing, order), _SUMS)
        value = builder.sext(builder.shuffle_vector(inputs, nothing, order), _SUMS)
        total = builder.add(total, builder.mul(weight, value))
    return total


def has_vnni() -> bool:
    """Whether the processor multiplies bytes and adds four products in one instruction."""
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512vnni"))


def _arguments(panels: Any, digits: Any, steps: Any, shifts: Any, out: Any) -> Any:
    index = types.intp
    return signature(types.void, panels, index, index, digits, steps, shifts, index, out, index)


@intrinsic
def _one_row(typing, panels, panel, step, digits, steps, shifts, row, out, column):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return _generate(context, builder, sig, args, 1)

    return _arguments(panels, digits, steps, shifts, out), generate


@intrinsic
def _three_rows(typing, panels, panel, step, digits, steps, shifts, row, out, column):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return _generate(context, builder, sig, args, 3)

    return _arguments(panels, digits, steps, shifts, out), generate
