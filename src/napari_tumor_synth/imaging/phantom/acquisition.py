"""What the scanner adds: coil shading, noise, slices of finite thickness, arbitrary units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.kernels import enlarge, weigh_rows


def shaded(image: Array, rng: np.random.Generator) -> Array:
    """Multiply by the smooth sensitivity of the coils (about 8 % after correction)."""
    step = 12
    coarse = tuple(-(-edge // step) + 1 for edge in image.shape)
    field = np.exp(0.08 * smooth_field(coarse, 2.5, rng))
    large = np.empty(image.shape, np.float32)
    enlarge(field, step, np.zeros(3, int), large)
    result: Array = image * large
    return result


def noisy(image: Array, deviation: float, rng: np.random.Generator) -> Array:
    """Add Rician noise."""
    if deviation == 0:
        return image
    real = image + deviation * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = deviation * rng.standard_normal(image.shape, dtype=np.float32)
    magnitude: Array = np.sqrt(real**2 + imaginary**2)
    return magnitude


def blurred_in_plane(image: Array, deviation: float, axis: int) -> Array:
    """Blur by a Gaussian of `deviation` voxels within slices across `axis`.

    The pixels of a scan are seldom those of its file: what interpolation does to detail and noise.
    """
    for direction in sorted({0, 1, 2} - {axis}):
        edge = image.shape[direction]
        lag = np.arange(edge)[:, None] - np.arange(edge)[None]
        kernel = np.exp(-0.5 * (lag / deviation) ** 2) * (np.abs(lag) <= 4 * deviation)
        image = _weighed(image, kernel / kernel.sum(1, keepdims=True), direction)
    return image


def in_slices(image: Array, thickness: float, axis: int, rng: np.random.Generator) -> Array:
    """Average over slices of `thickness` voxels along `axis` and interpolate back.

    Noise averages out across a slice and stays correlated between them, which gives clinical
    images their look outside the acquired plane.
    """
    if thickness <= 1:
        return image
    edge = image.shape[axis]
    centres = np.arange(rng.uniform(0, thickness), edge, thickness)
    rows = np.arange(edge)
    inside = np.abs(rows[None] - centres[:, None]) <= thickness / 2
    weight = inside / np.maximum(inside.sum(1, keepdims=True), 1)
    place = np.clip((rows - centres[0]) / thickness, 0, len(centres) - 1)
    low = np.minimum(place.astype(int), len(centres) - 2)
    share = (place - low).astype(np.float32)
    back = np.zeros((edge, len(centres)), np.float32)
    back[rows, low] += 1 - share
    back[rows, low + 1] += share
    return _weighed(_weighed(image, weight, axis), back, axis)


def _weighed(image: Array, matrix: NDArray[np.floating[Any]], axis: int) -> Array:
    """Multiply a sparse matrix, whose rows are narrow bands, with an axis of an image."""
    band = [np.flatnonzero(row) for row in matrix]
    first = np.array([places[0] if len(places) else 0 for places in band])
    taps = max(int(places[-1] - places[0]) + 1 for places in band if len(places))
    columns = np.minimum(first[:, None] + np.arange(taps), matrix.shape[1] - 1)
    inside = first[:, None] + np.arange(taps) < matrix.shape[1]
    weights = (np.take_along_axis(matrix, columns, 1) * inside).astype(np.float32)
    moved = np.ascontiguousarray(np.moveaxis(image, axis, 0))
    out = np.empty((len(matrix), *moved.shape[1:]), np.float32)
    weigh_rows(weights, first, moved.reshape(len(moved), -1), out.reshape(len(out), -1))
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


def in_units(image: Array, brain: Array, rng: np.random.Generator) -> Array:
    """Scale to the arbitrary units of a scanner and round; exactly 0 outside the brain."""
    scale = float(np.exp(rng.uniform(np.log(80), np.log(4000))))
    units = np.clip(np.rint(image * scale), 1, np.iinfo(np.int16).max)  # as files keep them
    return np.where(brain > 0.5, units, 0).astype(np.float32)
