"""What the vector loops of products share: addresses, a number in all lanes, prefetching."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic  # whose types are those of the code that it generates
LANES = 64
"""Outputs of a panel."""


def offset_of(builder: Any, array: Any, index: ir.Value) -> ir.Value:
    """Return how many bytes into an array an index of its first axis lies."""
    return builder.mul(cgutils.unpack_tuple(builder, array.strides)[0], index)


def at_index(builder: Any, array: Any, index: ir.Value) -> ir.Value:
    """Return where an index of an array's first axis lies."""
    return cgutils.pointer_add(builder, array.data, offset_of(builder, array, index))


def spread_over(builder: Any, value: ir.Value, lanes: int) -> ir.Value:
    """Return a vector that holds a number in all lanes."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(first, nothing, order)


def prefetch(builder: Any, at: ir.Value) -> None:
    """Ask for a line of memory before it is needed; any address may be asked for.

    One line in two or four is enough: the processor notices the stream and fetches its neighbours,
    and has room for more lines on the way than a program may ask for at once.
    """
    number = ir.IntType(32)
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    read, keep, data = number(0), number(2), number(1)
    builder.call(function, [builder.bitcast(at, byte), read, keep, data])
