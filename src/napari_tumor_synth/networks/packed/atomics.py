"""Counters that several threads share: the little that a step needs to divide work and to wait."""

import sys
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic  # whose types are those of the code that it generates
_SPINS = 4000
give_way = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", signature(types.int32)
)
"""Offer the processor to another thread, if one waits for it."""


@intrinsic
def add_one(typing, counters, index):  # type: ignore[no-untyped-def]
    """Add 1 to one of some int64 counters, and return what it was."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return builder.atomic_rmw("add", _at(context, builder, sig, args), _number(1), "seq_cst")

    return signature(types.int64, counters, types.intp), generate


@intrinsic
def read(typing, counters, index):  # type: ignore[no-untyped-def]
    """Return one of some int64 counters."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        return builder.load_atomic(_at(context, builder, sig, args), "seq_cst", 8)

    return signature(types.int64, counters, types.intp), generate


@intrinsic
def replace(typing, counters, index, expected, value):  # type: ignore[no-untyped-def]
    """Set a counter that holds what is expected; return whether it did."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
        at = _at(context, builder, sig, args)
        result = builder.cmpxchg(at, args[2], args[3], "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    whole = types.int64
    return signature(types.boolean, counters, types.intp, whole, whole), generate


@njit(nogil=True, cache=True)
def wait_for_all(arrivals: Any, threads: int) -> None:
    """Return when all threads have called this as often as the caller.

    Waiting is spinning: between two barriers lie some microseconds of work, less than it takes to
    wake a thread. Who waits for long gives way to others.

    Parameters
    ----------
    arrivals : (>= 1,) int64
        The first is 0 at first, and counts.
    threads : int
        How many there are.
    """
    if threads == 1:
        return
    due = (add_one(arrivals, 0) // threads + 1) * threads
    spins = 0
    while read(arrivals, 0) < due:
        spins += 1
        if spins > _SPINS:
            give_way()


def _number(value: int) -> ir.Value:
    return ir.IntType(64)(value)


def _at(context: Any, builder: Any, sig: Any, args: Any) -> ir.Value:
    data = context.make_array(sig.args[0])(context, builder, args[0]).data
    return builder.gep(data, [args[1]])
