"""The loops of the bound of a score; what is computed is derived in `bounds`."""

from typing import Any

import numpy as np
from numba import njit

from napari_tumor_synth.evaluation.block_statistics import (
    ALONE,
    LEAST,
    MEAN,
    MEAN_SD,
    MOST,
    MOST_SQUARES,
    SPREAD,
    SQUARES,
    STRUCTURE,
)
from napari_tumor_synth.evaluation.sketch import (
    DEVIATION_STEPS,
    MEAN_STEPS,
    MOST_STEPS,
    SD_STEPS,
    SLOPE_STEPS,
    SPREAD_STEPS,
)

_MEAN, _SD = np.float32(1 / MEAN_STEPS), np.float32(1 / SD_STEPS)
_DEVIATION, _SLOPE = np.float32(1 / DEVIATION_STEPS), np.float32(1 / SLOPE_STEPS)
_SPREAD, _MOST = np.float32(1 / SPREAD_STEPS), np.float32(1 / MOST_STEPS)
_MIDDLE = np.float32(SLOPE_STEPS)
_MEAN_ERROR = np.float32(0.5 / MEAN_STEPS)
_SLOPE_ERROR = np.float32(1 / SLOPE_STEPS)  # half a step in each of four dimensions
_ZERO, _ONE, _TWO, _EIGHT = np.float32(0), np.float32(1), np.float32(2), np.float32(8)
_S = STRUCTURE


@njit(nogil=True, cache=True, error_model="numpy")
def bound_sums(
    values: Any, mask: Any, origin: Any, codes: Any, deviation: Any, c1: Any, c2: Any
) -> tuple[float, float]:
    """Return what a sketch changes in the sums of an ROI over the union of the masks.

    Parameters
    ----------
    values, mask : (12, ...) float32, (...) uint8
        Of `BlockStatistics`, on the grid of the whole volume.
    origin, codes, deviation :
        Of the `Sketch`.
    c1, c2 : float32
        The constants of the index.

    Returns
    -------
    inside : float
        Bound of the sum of the index over the union, less what the ROI alone has.
    voxels : float
        Of the union, less those of the ROI.
    """
    deep, tall = deviation.shape[:2]
    inside, voxels = 0.0, 0.0
    for z in range(deep):
        for y in range(tall):
            at = (origin[0] + z, origin[1] + y, origin[2])
            sums = _row_sums(values, mask, at, codes, deviation, (z, y), c1, c2)
            inside += sums[0]
            voxels += sums[1]
    return inside, voxels


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _row_sums(
    values: Any,
    mask: Any,
    at: Any,
    codes: Any,
    deviation: Any,
    row: Any,
    c1: Any,
    c2: Any,
) -> tuple[Any, Any]:
    """Return the sums of a row of blocks that begins `at` on the grid of the ROI.

    Sums in any order: that lets several blocks be computed at once.
    """
    i, j, k = at
    end = k + deviation.shape[2]
    mean, sd = values[MEAN, i, j, k:end], values[MEAN_SD, i, j, k:end]
    least, most = values[LEAST, i, j, k:end], values[MOST, i, j, k:end]
    a, b = values[_S, i, j, k:end], values[_S + 1, i, j, k:end]
    c, d = values[_S + 2, i, j, k:end], values[_S + 3, i, j, k:end]
    squares, most_squares = values[SQUARES, i, j, k:end], values[MOST_SQUARES, i, j, k:end]
    spread, alone = values[SPREAD, i, j, k:end], values[ALONE, i, j, k:end]
    own = mask[i, j, k:end]
    z, y = row
    other, mean_code, sd_code = codes[0, z, y, :], codes[1, z, y, :], codes[2, z, y, :]
    least_code, most_code = codes[3, z, y, :], codes[4, z, y, :]
    a_code, b_code = codes[5, z, y, :], codes[6, z, y, :]
    c_code, d_code = codes[7, z, y, :], codes[8, z, y, :]
    spread_code, largest_code = codes[9, z, y, :], codes[10, z, y, :]
    root = deviation[z, y, :]
    inside, voxels = _ZERO, _ZERO
    for x in range(end - k):
        count = np.float32(_bits(own[x] | other[x]))
        part = np.sqrt((_EIGHT - count) / max(count, _ONE))
        up = _EIGHT / max(count, _ONE)

        n, n_sd = _MEAN * np.float32(mean_code[x]), _SD * np.float32(sd_code[x])
        low, high = _MEAN * np.float32(least_code[x]), _MEAN * np.float32(most_code[x])
        apart = max(abs(mean[x] - n) - (sd[x] + n_sd) * part - _MEAN_ERROR, _ZERO)
        n += _MEAN_ERROR
        means = mean[x] * mean[x] + sd[x] * sd[x] + n * n + n_sd * n_sd
        means = min(means * up, most[x] * most[x] + high * high)
        luminance = apart * apart / (means + c1)
        opposite = min(_ratio(least[x], high, c1), _ratio(most[x], low, c1))
        near = max(least[x], low)
        nearest = _ratio(near, min(near, min(most[x], high)), c1)

        scale = _DEVIATION * np.float32(root[x])
        step = _SLOPE * scale
        da = a[x] - step * (np.float32(a_code[x]) - _MIDDLE)
        db = b[x] - step * (np.float32(b_code[x]) - _MIDDLE)
        dc = c[x] - step * (np.float32(c_code[x]) - _MIDDLE)
        dd = d[x] - step * (np.float32(d_code[x]) - _MIDDLE)
        slack = (spread[x] + _SPREAD * scale * np.float32(spread_code[x])) * part
        away = np.sqrt(da * da + db * db + dc * dc + dd * dd)
        away = max(away - slack - _SLOPE_ERROR * scale, _ZERO)
        largest = _MOST * scale * np.float32(largest_code[x])
        variances = (squares[x] + scale * scale) * up
        variances = min(variances, most_squares[x] + largest * largest)
        structure = away * away / (variances + c2)

        index = min(nearest, _ONE - luminance - opposite * structure)
        inside += count * index - alone[x]
        voxels += count - np.float32(_bits(own[x]))
    return inside, voxels


@njit(nogil=True, cache=True, error_model="numpy")
def _ratio(m: Any, n: Any, c1: Any) -> Any:
    return (_TWO * m * n + c1) / (m * m + n * n + c1)


@njit(nogil=True, cache=True, error_model="numpy")
def _bits(byte: Any) -> Any:
    """Return how many bits of a byte are set."""
    number = np.uint32(byte)
    number = number - ((number >> np.uint32(1)) & np.uint32(0x55))
    number = (number & np.uint32(0x33)) + ((number >> np.uint32(2)) & np.uint32(0x33))
    return (number + (number >> np.uint32(4))) & np.uint32(0x0F)
