"""Where two ROIs lie best on each other, by correlation of their shapes and textures.

Texture is intensity less its mean in the mask, 0 outside. The correlation of the masks and that of
the textures count alike; both are known for all shifts at once, by Fourier transforms. Shifts wrap
around, which does not matter to ROIs that have background on all sides.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tumor_synth.imaging.intensity import BACKGROUND

COARSE, MEDIUM = 32, 64
"""Voxels an axis, at most, of volumes on which a whole gallery, or a pair, is searched."""


def parts_of(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mask and textures (1 + C, S, A, R) of an ROI (C, S, A, R), background -1."""
    mask = image[0] > BACKGROUND
    parts = np.zeros((1 + len(image), *mask.shape), np.float32)
    parts[0] = mask
    if mask.any():  # a turned ROI of few voxels may have lost them all
        for channel, part in zip(image, parts[1:], strict=True):
            part[mask] = channel[mask] - channel[mask].mean()
    return parts


def coarsened(parts: NDArray[np.float32], most: int = COARSE) -> NDArray[np.float32]:
    """Average blocks of voxels, so that `most` or fewer are left along each axis."""
    factor = coarseness(parts.shape[1:], most)
    padded = np.pad(parts, [(0, 0), *((0, -size % factor) for size in parts.shape[1:])])
    s, a, r = (size // factor for size in padded.shape[1:])
    blocks = padded.reshape(len(parts), s, factor, a, factor, r, factor)
    means: NDArray[np.float32] = blocks.mean(axis=(2, 4, 6), dtype=np.float32)
    return means


def coarseness(shape: tuple[int, ...], most: int = COARSE) -> int:
    """Return how many voxels along an axis become one."""
    return math.ceil(max(shape) / most)


def spectrum_of(parts: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return the Fourier transforms of parts, the mask of norm 1 and the textures together too."""
    norms = np.empty((len(parts), 1, 1, 1), np.float32)
    norms[0], norms[1:] = np.linalg.norm(parts[0]), np.linalg.norm(parts[1:])
    spectrum: NDArray[np.complex64] = fft.rfftn(parts / np.maximum(norms, 1e-9), axes=(1, 2, 3))
    return spectrum


def best_shifts(
    moving: NDArray[np.complex64], fixed: NDArray[np.complex64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the highest correlations, at most 2, of ROIs with another, and where they are.

    Parameters
    ----------
    moving : (N, 1 + C, ...) complex64
        Spectra of the ROIs that are shifted.
    fixed : (1 + C, ...) complex64
        Spectrum of the other.
    shape : tuple of int
        (S, A, R) of their parts.

    Returns
    -------
    correlations : (N,) float32
    shifts : (N, 3) int64
        By how many voxels each is shifted for it.
    """
    product = (fixed * moving.conj()).sum(axis=1)
    found = fft.irfftn(product, shape, axes=(1, 2, 3)).reshape(len(moving), -1)
    places = found.argmax(axis=1)
    shifts = np.stack(np.unravel_index(places, shape), axis=1)
    sizes = np.array(shape)
    shifts = np.where(shifts > sizes // 2, shifts - sizes, shifts)
    return found[np.arange(len(found)), places], shifts


def refined_shift(
    moving: NDArray[np.float32], fixed: NDArray[np.float32], shift: tuple[int, int, int], by: int
) -> tuple[int, int, int]:
    """Return the shift at most `by` voxels from a given one with the highest correlation of parts.

    Parameters
    ----------
    moving, fixed : (1 + C, S, A, R) float32
    shift : tuple of int
    by : int
        0 leaves it as it is.
    """
    if by == 0 or not moving[0].any():
        return shift
    low, part = _filled(moving)
    reach = range(-by, by + 1)
    tried = [
        (shift[0] + s, shift[1] + a, shift[2] + r) for s, a, r in itertools.product(reach, repeat=3)
    ]
    scale = _norms(moving) * _norms(fixed)
    found = [float((_overlap(part, fixed, low + np.array(one)) / scale).sum()) for one in tried]
    return tried[int(np.argmax(found))]


def _filled(parts: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the part of volumes that holds their mask, and where it begins."""
    places = np.argwhere(parts[0])
    low, high = places.min(axis=0), places.max(axis=0) + 1
    cut = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    return low, parts[cut]


def _norms(parts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the norm of the mask, and that of all textures for each of them."""
    textures = max(float(np.linalg.norm(parts[1:])), 1e-9)
    return np.array([float(np.linalg.norm(parts[0])), *[textures] * (len(parts) - 1)])


def _overlap(
    part: NDArray[np.float32], fixed: NDArray[np.float32], low: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the products, a volume, of a part that begins at `low` with what lies there."""
    ends = low + np.array(part.shape[1:])
    start, stop = np.maximum(low, 0), np.minimum(ends, fixed.shape[1:])
    if (stop <= start).any():
        return np.zeros(len(part))
    inner = tuple(slice(a, b) for a, b in zip(start - low, stop - low, strict=True))
    outer = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    return np.array(
        [np.sum(one[inner] * other[outer]) for one, other in zip(part, fixed, strict=True)]
    )
