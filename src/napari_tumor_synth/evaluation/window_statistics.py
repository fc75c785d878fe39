"""Local means and variances of a volume, in one pass: for galleries that keep images alone."""

from typing import Any

import numpy as np
from numba import njit

from napari_tumor_synth.evaluation.ssim_kernel import _filter, _filter_ring, _multiply


@njit(nogil=True, cache=True, error_model="numpy")
def window_statistics(raw: Any, weights: Any, factor: float) -> tuple[Any, Any]:
    """Return what `window_volume` computes of a part of a volume, but for float64's rounding.

    Parameters
    ----------
    raw : (s + K - 1, a + K - 1, r + K - 1) float64
        Intensities in [0, 1] with what the windows at the ends reach.
    weights : (K,) float64
    factor : float
        Of the variance.

    Returns
    -------
    mean, variance : (s, a, r) float32
    """
    taps = weights.shape[0]
    planes, lines, line = raw.shape
    deep, tall, wide = planes - taps + 1, lines - taps + 1, line - taps + 1
    mean = np.empty((deep, tall, wide), np.float32)
    variance = np.empty((deep, tall, wide), np.float32)
    plane = np.zeros(lines * line + taps - 1)
    squares = np.zeros(lines * line + taps - 1)
    along = np.empty(lines * line)
    means_ring = np.empty((taps, tall * line))
    squares_ring = np.empty((taps, tall * line))
    means, of_squares = np.empty(tall * line), np.empty(tall * line)
    for z in range(planes):
        for y in range(lines):
            plane[y * line : (y + 1) * line] = raw[z, y, :]
            _multiply(raw[z, y, :], raw[z, y, :], squares[y * line : (y + 1) * line])
        _filter(plane, 1, weights, along)
        _filter(along, line, weights, means_ring[z % taps])
        _filter(squares, 1, weights, along)
        _filter(along, line, weights, squares_ring[z % taps])
        if z < taps - 1:
            continue
        _filter_ring(means_ring, z + 1, weights, means)
        _filter_ring(squares_ring, z + 1, weights, of_squares)
        for y in range(tall):
            for x in range(wide):
                m = means[y * line + x]
                mean[z - taps + 1, y, x] = m
                variance[z - taps + 1, y, x] = factor * (of_squares[y * line + x] - m * m)
    return mean, variance
