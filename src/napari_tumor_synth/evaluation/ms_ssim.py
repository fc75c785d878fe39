"""Multi-scale structural similarity of volumes.

.. [1] Wang et al., Multiscale Structural Similarity for Image Quality Assessment, 2003.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError

_WANG_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@dataclass(frozen=True, slots=True)
class MsSsimSettings:
    """Which MS-SSIM; figures of different settings must not be compared.

    Attributes
    ----------
    levels : int
        Scales, 1 to 5, each half as fine as the one before. With the window of 11 voxels three
        fit into 64^3 and four into 128^3; [1]_ has five, which need 176.
    window : int
        Taps of the Gaussian window; incomplete windows at the border are left out.
    sigma : float
        Its standard deviation in voxels.

    Notes
    -----
    The exponents are those of [1]_, the first `levels` of them, scaled to add up to 1. Contrast
    and structure count at every level, luminance at the last only. (A widespread implementation
    applies the last level once for each of the others, and lowers every figure by that.)
    Population covariance, K1 = 0.01, K2 = 0.03; intensities are moved from [-1, 1] to [0, 1],
    since the luminance term means something for non-negative intensities only; data range 1.
    """

    levels: int = 3
    window: int = 11
    sigma: float = 1.5

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= len(_WANG_WEIGHTS):
            raise InputError(f"MS-SSIM with {self.levels} levels.", "Choose 1 to 5 levels.")

    @property
    def weights(self) -> tuple[float, ...]:
        """Exponents of the levels, which add up to 1."""
        chosen = _WANG_WEIGHTS[: self.levels]
        return tuple(weight / sum(chosen) for weight in chosen)


def ms_ssim(
    first: NDArray[np.float32], second: NDArray[np.float32], settings: MsSsimSettings
) -> float:
    """Return the 3D MS-SSIM of two volumes.

    Parameters
    ----------
    first, second : numpy.ndarray
        ``(S, A, R)``, or ``(C, S, A, R)`` whose channels' figures are averaged, in [-1, 1].
    settings : MsSsimSettings
        Which definition.

    Returns
    -------
    float
        0 to 1, 1 for identical volumes. Where a level's mean structure is negative it counts as
        0, because a power of it would not be real.

    Raises
    ------
    InputError
        Shapes differ, or the coarsest level is smaller than the window.
    """
    _require_room(first.shape, second.shape, settings)
    if first.ndim == 4:
        channels = zip(first, second, strict=True)
        return float(np.mean([ms_ssim(one, other, settings) for one, other in channels]))
    kernel = _gaussian(settings)
    x, y = (((volume.astype(np.float64) + 1) / 2) for volume in (first, second))
    similarity = 1.0
    for level, weight in enumerate(settings.weights, start=1):
        luminance, structure = _similarity(x, y, kernel)
        last = level == settings.levels
        mean = float((luminance * structure if last else structure).mean())
        similarity *= max(mean, 0.0) ** weight
        if not last:
            x, y = _halve(x), _halve(y)
    return similarity


def _similarity(
    x: NDArray[np.float64], y: NDArray[np.float64], kernel: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the luminance term and the contrast-structure term around each voxel."""
    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y, square_x, square_y, product = _filter(
        np.stack([x, y, x * x, y * y, x * y]), kernel
    )
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    structure = (2 * (product - mean_x * mean_y) + c2) / (variances + c2)
    return luminance, structure


def _filter(volumes: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter ``(N, S, A, R)`` along its three axes, complete windows only.

    Each axis is one matrix product, on which processors are fastest.
    """
    for axis in (1, 2, 3):
        size = volumes.shape[axis]
        windows = size - len(kernel) + 1
        band = np.zeros((size, windows))
        for tap, value in enumerate(kernel):
            band[np.arange(windows) + tap, np.arange(windows)] = value
        volumes = np.moveaxis(np.moveaxis(volumes, axis, -1) @ band, -1, axis)
    return volumes


def _gaussian(settings: MsSsimSettings) -> NDArray[np.float64]:
    offset = np.arange(settings.window) - (settings.window - 1) / 2
    kernel = np.exp(-(offset**2) / (2 * settings.sigma**2))
    normalised: NDArray[np.float64] = kernel / kernel.sum()
    return normalised


def _halve(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average blocks of two voxels a side; an odd voxel at the end is left out."""
    even = volume[tuple(slice(size // 2 * 2) for size in volume.shape)]
    parts = [even[s::2, a::2, r::2] for s, a, r in itertools.product((0, 1), repeat=3)]
    mean: NDArray[np.float64] = np.mean(parts, axis=0)
    return mean


def _require_room(
    first: tuple[int, ...], second: tuple[int, ...], settings: MsSsimSettings
) -> None:
    if first != second:
        raise InputError(f"Volumes of {first} and {second} voxels.", "Compare equal shapes.")
    needed = settings.window * 2 ** (settings.levels - 1)
    if min(first[-3:]) < needed:
        raise InputError(
            f"A volume of {first[-3:]} voxels is too small for MS-SSIM with {settings.levels} "
            f"levels and a window of {settings.window}.",
            f"Use at least {needed} voxels along each axis, or fewer levels.",
        )
