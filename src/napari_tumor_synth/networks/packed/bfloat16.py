"""Numbers that are kept as they are, or as the bits of a bfloat16."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload


def stored_in(value: Any, array: Any) -> Any:
    """Return a float32 as an array keeps it: as it is, or the bits of the nearest bfloat16."""


def value_of(stored: Any) -> Any:
    """Return the float32 that `stored_in` stands for."""


@overload(stored_in, inline="always")
def _stored_in(value: Any, array: Any) -> Any:
    def as_it_is(value: Any, array: Any) -> Any:
        return value

    def as_bfloat16(value: Any, array: Any) -> Any:
        bits = np.float32(value).view(np.uint32)
        to_even = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        return np.uint16((bits + to_even) >> np.uint32(16))

    return as_bfloat16 if array.dtype == types.uint16 else as_it_is


@overload(value_of, inline="always")
def _value_of(stored: Any) -> Any:
    def as_it_is(stored: Any) -> Any:
        return stored

    def of_bfloat16(stored: Any) -> Any:
        return np.uint32(np.uint32(stored) << np.uint32(16)).view(np.float32)

    return of_bfloat16 if stored == types.uint16 else as_it_is
