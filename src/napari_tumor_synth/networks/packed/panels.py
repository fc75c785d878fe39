"""Products of a packed matrix with a few rows: the loop that sampling spends its time in.

A matrix (out, in) is stored as panels of 64 outputs: ``(out / 64, in, 64)``. A product reads every
weight once, in the order in which it lies in memory, and keeps the 64 sums in registers.

Every sum runs over its inputs in order, by fused multiply-adds of float32, whatever the number of
rows, of threads, or the width of the processor's vectors: a row's result depends on that row alone,
bit for bit. That is why the vector instructions are written out here, and not left to a compiler
that may add in another order.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import signature

from napari_tumor_synth.networks.packed.vectors import (
    LANES,
    at_index,
    intrinsic,
    offset_of,
    prefetch,
    spread_over,
)

_VECTOR = 16  # a register of AVX-512; narrower processors take it in parts
_TOGETHER = 4  # rows that share the reading of a panel

_FLOAT = ir.FloatType()
_FLOATS = ir.VectorType(_FLOAT, _VECTOR)
_INTS = ir.VectorType(ir.IntType(32), _VECTOR)


@njit(nogil=True, cache=True, error_model="numpy")
def panel_product(
    panels: Any, panel: int, step: int, rows: Any, depth: int, out: Any, column: int
) -> None:
    """Multiply rows with one panel, and write 64 columns of the result.

    Parameters
    ----------
    panels : (P, K, 64) float32 or uint16 (the bits of bfloat16)
    panel : int
        Which one.
    step : int
        How many panels on lies the one that this thread will probably take next; it is fetched
        from memory meanwhile.
    rows : (N, >= depth) float32
    depth : int
        Inputs to sum over, at most K.
    out : (N, >= column + 64) float32
    column : int
        Where to write.
    """
    row, count = 0, rows.shape[0]
    while count - row >= 4:  # = _TOGETHER
        _four_rows(panels, panel, step, rows, row, depth, out, column)
        row += 4
    while row < count:
        _one_row(panels, panel, step, rows, row, depth, out, column)
        row += 1


def _generate(
    context: Any, builder: Any, sig: Any, args: Sequence[ir.Value], together: int
) -> ir.Value:
    """Write the loop over the inputs of a panel, for some rows at once."""
    panels = context.make_array(sig.args[0])(context, builder, args[0])
    rows = context.make_array(sig.args[3])(context, builder, args[3])
    out = context.make_array(sig.args[6])(context, builder, args[6])
    _, panel, step, _, row, depth, _, column = args
    size = panels.data.type.pointee.width // 8 if _is_int(panels.data) else 4

    weights = at_index(builder, panels, panel)
    following = cgutils.pointer_add(builder, weights, offset_of(builder, panels, step))
    numbers = [builder.add(row, row.type(number)) for number in range(together)]
    inputs = [at_index(builder, rows, number) for number in numbers]
    parts = range(LANES // _VECTOR)
    zero = ir.Constant(_FLOATS, [0.0] * _VECTOR)
    sums = [[cgutils.alloca_once_value(builder, zero) for _ in parts] for _ in range(together)]
    with cgutils.for_range(builder, depth) as loop:
        line = builder.mul(loop.index, loop.index.type(LANES * size))
        vectors = [
            _weights_at(
                builder,
                cgutils.pointer_add(
                    builder, weights, builder.add(line, line.type(part * _VECTOR * size))
                ),
                panels.data.type.pointee,
            )
            for part in parts
        ]
        prefetch(builder, cgutils.pointer_add(builder, following, line))
        for number in range(together):
            at = builder.gep(inputs[number], [loop.index])
            value = builder.load(at)
            spread = spread_over(builder, value, _VECTOR)
            for part in parts:
                _add_product(builder, sums[number][part], vectors[part], spread)
    start = builder.mul(column, column.type(4))
    for number in range(together):
        line = builder.add(offset_of(builder, out, numbers[number]), start)
        for part in parts:
            at = cgutils.pointer_add(
                builder, out.data, builder.add(line, line.type(part * _VECTOR * 4))
            )
            at = builder.bitcast(at, _FLOATS.as_pointer())
            builder.store(builder.load(sums[number][part]), at, align=4)
    return context.get_dummy_value()


def _is_int(pointer: ir.Value) -> bool:
    return isinstance(pointer.type.pointee, ir.IntType)


def _weights_at(builder: Any, at: ir.Value, kind: ir.Type) -> ir.Value:
    """Load 16 weights and turn them into float32."""
    at = builder.bitcast(at, ir.VectorType(kind, _VECTOR).as_pointer())
    if kind == _FLOAT:
        return builder.load(at, align=4)
    stored = builder.load(at, align=kind.width // 8)
    shift = ir.Constant(_INTS, [16] * _VECTOR)
    return builder.bitcast(builder.shl(builder.zext(stored, _INTS), shift), _FLOATS)


def _add_product(builder: Any, total: ir.Value, a: ir.Value, b: ir.Value) -> None:
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    fused = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{_VECTOR}f32")
    builder.store(builder.call(fused, [a, b, builder.load(total)]), total)


def _arguments(panels: Any, rows: Any, out: Any) -> Any:
    index = types.intp
    return signature(types.void, panels, index, index, rows, index, index, out, index)


@intrinsic
def _one_row(typing, panels, panel, step, rows, row, depth, out, column):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return _generate(context, builder, sig, args, 1)

    return _arguments(panels, rows, out), generate


@intrinsic
def _four_rows(typing, panels, panel, step, rows, row, depth, out, column):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return _generate(context, builder, sig, args, _TOGETHER)

    return _arguments(panels, rows, out), generate
