"""The loops of the 3D-SSIM of two volumes that are background but for a part of them.

A position whose window is background in both volumes has the index 1. Where only one window is,
its covariance is 0 and the index depends on the other volume alone: that is `alone` below, whose
sums each volume knows. What a pair needs is the part where both windows reach foreground.
"""

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def pair_sums(
    one: Any, other: Any, weights: Any, factor: Any, c1: Any, c2: Any, shape: Any
) -> tuple[float, float, int]:
    """Sum over the positions where the windows of both volumes reach foreground.

    Parameters
    ----------
    one, other : WindowedVolume
        Of one floating type, in which is computed.
    weights : (K,) of that type
        Symmetric weights of a window along an axis.
    factor, c1, c2 : of that type
        Of the covariance, and the constants of the index.
    shape : (3,) int64
        Of the volumes.

    Returns
    -------
    whole : float
        Sum of ``index - alone(one) - alone(other) + 1`` over positions with complete windows.
    foreground : float
        Sum of the index over the union of the masks, less `alone` of each over its own mask.
    both : int
        Voxels in both masks.
    """
    taps, reach = weights.shape[0], weights.shape[0] // 2
    low = np.maximum(one.origin, other.origin)
    high = np.minimum(one.origin + _shape(one.mean), other.origin + _shape(other.mean))
    if (high <= low).any():
        return 0.0, 0.0, 0
    size = high - low
    deep, tall, wide = size[0], size[1], size[2]
    i, j = low - one.origin, low - other.origin
    line, lines = wide + taps - 1, tall + taps - 1
    product = np.zeros(lines * line + taps - 1, weights.dtype)
    along = np.empty(lines * line, weights.dtype)
    ring = np.empty((taps, tall * line), weights.dtype)
    expected = np.empty(tall * line, weights.dtype)
    whole, inside = np.zeros(wide), np.zeros(wide)
    first = max(reach - low[2], 0)  # of the columns with complete windows
    last = min(shape[2] - reach - low[2], wide)
    both = 0
    for z in range(deep + taps - 1):
        for y in range(lines):
            _multiply(
                one.raw[i[0] + z, i[1] + y, i[2] : i[2] + line],
                other.raw[j[0] + z, j[1] + y, j[2] : j[2] + line],
                product[y * line : (y + 1) * line],
            )
        _filter(product, 1, weights, along)
        _filter(along, line, weights, ring[z % taps])
        if z < taps - 1:
            continue
        _filter_ring(ring, z + 1, weights, expected)
        at = z - taps + 1
        complete_z = reach <= low[0] + at < shape[0] - reach
        for y in range(tall):
            complete = complete_z and reach <= low[1] + y < shape[1] - reach
            both += _add_row(
                expected[y * line : y * line + wide],
                one.raw[i[0] + at + reach, i[1] + y + reach, i[2] + reach : i[2] + reach + wide],
                one.mean[i[0] + at, i[1] + y, i[2] : i[2] + wide],
                one.variance[i[0] + at, i[1] + y, i[2] : i[2] + wide],
                other.raw[j[0] + at + reach, j[1] + y + reach, j[2] + reach : j[2] + reach + wide],
                other.mean[j[0] + at, j[1] + y, j[2] : j[2] + wide],
                other.variance[j[0] + at, j[1] + y, j[2] : j[2] + wide],
                factor,
                c1,
                c2,
                whole if complete else inside[:0],
                inside,
            )
    return whole[first:last].sum(), inside.sum(), both


@njit(nogil=True, cache=True, error_model="numpy")
def _shape(array: Any) -> Any:
    return np.array(array.shape, np.int64)


@njit(nogil=True, cache=True, error_model="numpy")
def _multiply(one: Any, other: Any, out: Any) -> None:
    for x in range(out.shape[0]):
        out[x] = one[x] * other[x]


@njit(nogil=True, cache=True, error_model="numpy")
def _filter(given: Any, stride: int, weights: Any, out: Any) -> None:
    """Weigh neighbours that lie `stride` apart; what a line's last windows hold is not used."""
    reach = weights.shape[0] // 2
    count = min(out.shape[0], given.shape[0] - (weights.shape[0] - 1) * stride)
    middle = given[reach * stride : reach * stride + count]
    weight = weights[reach]
    for x in range(count):
        out[x] = weight * middle[x]
    for tap in range(reach):
        before = given[tap * stride : tap * stride + count]
        end = (weights.shape[0] - 1 - tap) * stride
        after = given[end : end + count]
        weight = weights[tap]
        for x in range(count):
            out[x] += weight * (before[x] + after[x])


@njit(nogil=True, cache=True, error_model="numpy")
def _filter_ring(ring: Any, oldest: int, weights: Any, out: Any) -> None:
    """Weigh the last planes, of which `oldest` was written first."""
    taps, reach = weights.shape[0], weights.shape[0] // 2
    middle, weight = ring[(oldest + reach) % taps], weights[reach]
    for x in range(out.shape[0]):
        out[x] = weight * middle[x]
    for tap in range(reach):
        before = ring[(oldest + tap) % taps]
        after = ring[(oldest + taps - 1 - tap) % taps]
        weight = weights[tap]
        for x in range(out.shape[0]):
            out[x] += weight * (before[x] + after[x])


@njit(nogil=True, cache=True, error_model="numpy")
def _add_row(
    expected: Any,
    raw: Any,
    mean: Any,
    variance: Any,
    other_raw: Any,
    other_mean: Any,
    other_variance: Any,
    factor: Any,
    c1: Any,
    c2: Any,
    whole: Any,
    inside: Any,
) -> int:
    """Add a row of positions to the sums of the columns; return how many voxels both masks hold.

    An empty `whole` is not added to.
    """
    both = 0
    for x in range(expected.shape[0]):
        m, n, v, w = mean[x], other_mean[x], variance[x], other_variance[x]
        covariance = factor * (expected[x] - m * n)
        numerator = (m * n + m * n + c1) * (covariance + covariance + c2)
        index = numerator / ((m * m + n * n + c1) * (v + w + c2))
        alone = (c1 * c2) / ((m * m + c1) * (v + c2))
        other_alone = (c1 * c2) / ((n * n + c1) * (w + c2))
        here, there = raw[x] > 0, other_raw[x] > 0
        both += here and there
        inside[x] += (
            (index if here or there else 0.0)
            - (alone if here else 0.0)
            - (other_alone if there else 0.0)
        )
        expected[x] = index - alone - other_alone
    for x in range(whole.shape[0]):
        whole[x] += expected[x] + 1.0
    return both
