"""Where two ROIs lie best on each other, by correlation of their shapes and textures.

Texture is intensity less its mean in the mask, 0 outside. The correlation of the masks and that of
the textures count alike; both are known for all shifts at once, by Fourier transforms. Shifts wrap
around, which does not matter to ROIs that have background on all sides.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tumor_synth.imaging.intensity import BACKGROUND

COARSE = 32
"""Voxels an axis, at most, of the volumes on which a whole gallery is searched."""


def parts_of(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mask and textures (1 + C, S, A, R) of an ROI (C, S, A, R), background -1."""
    mask = image[0] > BACKGROUND
    parts = np.zeros((1 + len(image), *mask.shape), np.float32)
    parts[0] = mask
    for channel, part in zip(image, parts[1:], strict=True):
        part[mask] = channel[mask] - channel[mask].mean()
    return parts


def coarsened(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average blocks of voxels, so that `COARSE` or fewer are left along each axis."""
    factor = coarseness(parts.shape[1:])
    padded = np.pad(parts, [(0, 0), *((0, -size % factor) for size in parts.shape[1:])])
    s, a, r = (size // factor for size in padded.shape[1:])
    blocks = padded.reshape(len(parts), s, factor, a, factor, r, factor)
    means: NDArray[np.float32] = blocks.mean(axis=(2, 4, 6), dtype=np.float32)
    return means


def coarseness(shape: tuple[int, ...]) -> int:
    """Return how many voxels along an axis become one."""
    return math.ceil(max(shape) / COARSE)


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
