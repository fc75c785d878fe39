"""The loops of the statistics of blocks; what they are for is derived in `bounds`."""

from typing import Any

import numpy as np
from numba import njit

from napari_tumor_synth.evaluation.ssim_kernel import _filter, _filter_ring

SUMS = 8
"""Of a block: the mean and its square, the four-vector of structure, its squared length, the index
with an empty volume over the mask."""
LIMITS = 3
"""The least and the most mean, the most squared length."""


@njit(nogil=True, cache=True, error_model="numpy")
def slopes_of(raw: Any, flat: Any, sloped: Any) -> Any:
    """Return the slopes (3, s, a, r) float32 of each complete window along the three axes.

    Parameters
    ----------
    raw : (s + K - 1, a + K - 1, r + K - 1) float64
    flat, sloped : (K,) float64
        Weights of a window, and those by offsets; the latter rise evenly about 0.
    """
    taps = flat.shape[0]
    planes, lines, line = raw.shape
    deep, tall, wide = planes - taps + 1, lines - taps + 1, line - taps + 1
    slopes = np.empty((3, deep, tall, wide), np.float32)
    plane = np.zeros(lines * line + taps - 1)
    level, slope = np.empty(lines * line), np.empty(lines * line)
    rings = np.empty((3, taps, tall * line))
    filtered = np.empty(tall * line)
    for z in range(planes):
        for y in range(lines):
            plane[y * line : (y + 1) * line] = raw[z, y, :]
        _filter(plane, 1, flat, level)
        _filter_odd(plane, 1, sloped, slope)
        _filter(level, line, flat, rings[0, z % taps])
        _filter_odd(level, line, sloped, rings[1, z % taps])
        _filter(slope, line, flat, rings[2, z % taps])
        if z < taps - 1:
            continue
        for axis in range(3):
            if axis == 0:
                _filter_ring_odd(rings[0], z + 1, sloped, filtered)
            else:
                _filter_ring(rings[axis], z + 1, flat, filtered)
            for y in range(tall):
                for x in range(wide):
                    slopes[axis, z - taps + 1, y, x] = filtered[y * line + x]
    return slopes


@njit(nogil=True, cache=True, error_model="numpy")
def block_sums(
    inner: Any,
    mean: Any,
    variance: Any,
    slopes: Any,
    shift: Any,
    grid: Any,
    rounding: float,
    c1: float,
    c2: float,
) -> tuple[Any, Any, Any]:
    """Add up what blocks of 2^3 voxels hold.

    Parameters
    ----------
    inner, mean, variance : (s, a, r) float32
        Of the part of a volume.
    slopes : (3, s, a, r) float32
        Scaled so that their squares are variances.
    shift : (3,) int64
        Of the part's first voxel in its block, 0 or 1.
    grid : (3,) int64
        Blocks along each axis.
    rounding : float
        Share of the variance that is added to what slopes leave of it.
    c1, c2 : float
        The constants of the index.

    Returns
    -------
    sums : (8, ...) float64
    limits : (3, ...) float64
    mask : (...) uint8
    """
    shape = (grid[0], grid[1], grid[2])
    sums = np.zeros((SUMS, *shape))
    limits = np.zeros((LIMITS, *shape))
    filled = np.zeros(shape, np.uint8)
    mask = np.zeros(shape, np.uint8)
    for z in range(mean.shape[0]):
        i, up = divmod(z + shift[0], 2)
        for y in range(mean.shape[1]):
            j, across = divmod(y + shift[1], 2)
            for x in range(mean.shape[2]):
                k, along = divmod(x + shift[2], 2)
                m, v = np.float64(mean[z, y, x]), max(np.float64(variance[z, y, x]), 0.0)
                a, b, c = slopes[0, z, y, x], slopes[1, z, y, x], slopes[2, z, y, x]
                of_slopes = np.float64(a) * a + np.float64(b) * b + np.float64(c) * c
                rest = max(v - of_slopes, 0.0) + rounding * v
                length = of_slopes + rest
                sums[0, i, j, k] += m
                sums[1, i, j, k] += m * m
                sums[2, i, j, k] += a
                sums[3, i, j, k] += b
                sums[4, i, j, k] += c
                sums[5, i, j, k] += np.sqrt(rest)
                sums[6, i, j, k] += length
                if filled[i, j, k] == 0 or m < limits[0, i, j, k]:
                    limits[0, i, j, k] = m
                limits[1, i, j, k] = max(limits[1, i, j, k], m)
                limits[2, i, j, k] = max(limits[2, i, j, k], length)
                filled[i, j, k] += 1
                if inner[z, y, x] > 0:
                    sums[7, i, j, k] += c1 * c2 / ((m * m + c1) * (v + c2))
                    mask[i, j, k] |= np.uint8(1 << (4 * up + 2 * across + along))
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                if filled[i, j, k] < 8:  # what the part does not reach is background
                    limits[0, i, j, k] = 0
    return sums, limits, mask


@njit(nogil=True, cache=True, error_model="numpy")
def _filter_odd(given: Any, stride: int, weights: Any, out: Any) -> None:
    """Weigh neighbours that lie `stride` apart by weights that are odd about the middle."""
    reach = weights.shape[0] // 2
    count = min(out.shape[0], given.shape[0] - (weights.shape[0] - 1) * stride)
    for x in range(count):
        out[x] = 0
    for tap in range(reach):
        before = given[tap * stride : tap * stride + count]
        end = (weights.shape[0] - 1 - tap) * stride
        after = given[end : end + count]
        weight = weights[weights.shape[0] - 1 - tap]
        for x in range(count):
            out[x] += weight * (after[x] - before[x])


@njit(nogil=True, cache=True, error_model="numpy")
def _filter_ring_odd(ring: Any, oldest: int, weights: Any, out: Any) -> None:
    """Weigh the last planes, of which `oldest` was written first, by odd weights."""
    taps, reach = weights.shape[0], weights.shape[0] // 2
    for x in range(out.shape[0]):
        out[x] = 0
    for tap in range(reach):
        before = ring[(oldest + tap) % taps]
        after = ring[(oldest + taps - 1 - tap) % taps]
        weight = weights[taps - 1 - tap]
        for x in range(out.shape[0]):
            out[x] += weight * (after[x] - before[x])
