"""Norm, GELU and softmax of a few rows, in float32, the same for a row whatever is beside it."""

import math
from typing import Any

import numpy as np
from numba import njit

_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_ROUNDING = np.float32(1.5 * 2**23)  # a sum with it has no digits behind the point
_EPSILON = 1e-5  # torch's layer norm


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def exponential(x: Any) -> Any:
    """Return e^x within 1e-7 of itself: Cephes' expf, so that loops of it become vectors."""
    x = x if x > np.float32(-87.0) else np.float32(-87.0)
    x = x if x < np.float32(88.0) else np.float32(88.0)
    whole = x * _LOG2_E + _ROUNDING - _ROUNDING
    x = x - whole * _LN2_HIGH - whole * _LN2_LOW
    y = np.float32(1.9875691500e-4)
    y = y * x + np.float32(1.3981999507e-3)
    y = y * x + np.float32(8.3334519073e-3)
    y = y * x + np.float32(4.1665795894e-2)
    y = y * x + np.float32(1.6666665459e-1)
    y = y * x + np.float32(5.0000001201e-1)
    y = y * x * x + x + np.float32(1)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return y * power


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def gelu(x: Any) -> Any:
    """Return x times the normal distribution's share below x, within 2e-7 |x|.

    The error function is Abramowitz and Stegun's formula 7.1.26.
    """
    z = abs(x) * np.float32(0.70710678)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    y = np.float32(1.061405429)
    y = y * t + np.float32(-1.453152027)
    y = y * t + np.float32(1.421413741)
    y = y * t + np.float32(-0.284496736)
    y = y * t + np.float32(0.254829592)
    tail = np.float32(0.5) * y * t * exponential(-z * z)  # the share beyond |x|
    share = np.float32(1) - tail if x > 0 else tail
    return x * share


@njit(nogil=True, cache=True, error_model="numpy")
def layer_norm(row: Any, gain: Any, shift: Any, out: Any) -> None:
    """Normalise one row (W,) over its values, as `torch.nn.LayerNorm`; sums in float64."""
    width = gain.shape[0]
    total = 0.0
    for i in range(width):
        total += row[i]
    mean = total / width
    total = 0.0
    for i in range(width):
        total += (row[i] - mean) * (row[i] - mean)
    scale = 1.0 / math.sqrt(total / width + _EPSILON)
    for i in range(width):
        out[i] = np.float32((row[i] - mean) * scale) * gain[i] + shift[i]


@njit(nogil=True, cache=True, error_model="numpy")
def softmax(row: Any, count: int) -> None:
    """Turn the first `count` logits of a row into shares, in place."""
    largest = row[0]
    for i in range(1, count):
        largest = max(largest, row[i])
    total = np.float32(0)
    for i in range(count):
        row[i] = exponential(row[i] - largest)
    for i in range(count):
        total += row[i]
    for i in range(count):
        row[i] = row[i] / total
