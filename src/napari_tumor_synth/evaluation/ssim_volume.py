"""What comparing a volume needs of it: the part with foreground, its local means and variances."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ssim_definition import K1, K2, SsimDefinition

C1, C2 = K1**2, K2**2
"""The constants of the index, for a data range of 1."""


class WindowedVolume(NamedTuple):
    """The part of a volume whose windows reach foreground, for the kernel.

    Attributes
    ----------
    origin : (3,) int64
        First voxel of the part.
    raw : (s + K - 1, a + K - 1, r + K - 1) float32 or float64
        Intensities in [0, 1], background 0, with what the windows at the ends reach.
    mean, variance : (s, a, r)
        Of the window around each voxel.
    """

    origin: NDArray[np.int64]
    raw: NDArray[Any]
    mean: NDArray[Any]
    variance: NDArray[Any]


@dataclass(frozen=True, slots=True)
class SsimVolume:
    """One channel of an ROI, ready to be compared.

    Attributes
    ----------
    part : WindowedVolume
    whole_alone, foreground_alone : float
        Sums, over the part and over the mask, of the index with an empty volume, less 1 a voxel in
        the former.
    voxels : int
        Of the mask.
    """

    part: WindowedVolume
    whole_alone: float
    foreground_alone: float
    voxels: int


def window_volume(
    volume: NDArray[np.floating[Any]], definition: SsimDefinition, dtype: type
) -> SsimVolume:
    """Prepare a volume (S, A, R) in [-1, 1], background exactly -1.

    Parameters
    ----------
    volume : numpy.ndarray
    definition : SsimDefinition
    dtype : type
        `numpy.float32`, or `numpy.float64` for exact figures; local means and variances are
        computed in float64.

    Raises
    ------
    InputError
        The volume is smaller than a window, holds no foreground, or what is not a number.
    """
    reach = definition.reach
    _require_comparable(volume, reach)
    low, high = reached(volume > -1, reach)
    raw = mirrored_part(volume, low, high, reach)
    mean = window_means(raw, definition.weights)
    squares = window_means(raw * raw, definition.weights)
    variance = definition.covariance_factor * (squares - mean * mean)
    alone = (C1 * C2) / ((mean * mean + C1) * (variance + C2))
    complete = tuple(
        slice(max(reach - a, 0), max(min(b, size - reach) - a, 0))
        for a, b, size in zip(low, high, volume.shape, strict=True)
    )
    mask = raw[(slice(reach, -reach),) * 3] > 0
    return SsimVolume(
        part=WindowedVolume(
            np.array(low, np.int64), *(frozen(array, dtype) for array in (raw, mean, variance))
        ),
        whole_alone=float((alone[complete] - 1).sum()),
        foreground_alone=float(alone[mask].sum()),
        voxels=int(mask.sum()),
    )


def _require_comparable(volume: NDArray[np.floating[Any]], reach: int) -> None:
    if volume.ndim != 3 or min(volume.shape) < 2 * reach + 1:
        raise InputError(
            f"3D-SSIM needs {2 * reach + 1} voxels along each axis; this volume has "
            f"{' x '.join(map(str, volume.shape))}.",
            "Compare larger ROIs.",
        )
    if not np.isfinite(volume).all():
        raise InputError(
            "The ROI holds values that are not numbers.", "Cut or generate the ROI anew."
        )
    if not (volume > -1).any():
        raise InputError(
            "The ROI holds no tumour: all of it is background.",
            "Choose an ROI whose mask is not empty.",
        )


def reached(mask: NDArray[np.bool_], reach: int) -> tuple[list[int], list[int]]:
    """Return where windows that reach the mask begin and end, along each axis."""
    low, high = [], []
    for axis, size in enumerate(mask.shape):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(mask.any(axis=others))
        low.append(max(int(places[0]) - reach, 0))
        high.append(min(int(places[-1]) + 1 + reach, size))
    return low, high


def mirrored_part(
    volume: NDArray[np.floating[Any]], low: list[int], high: list[int], reach: int
) -> NDArray[np.float64]:
    """Return intensities in [0, 1] from `reach` before low to `reach` after high."""
    ends = list(zip(low, high, volume.shape, strict=True))
    part = volume[tuple(slice(max(a - reach, 0), b + reach) for a, b, _ in ends)]
    beyond = [(max(reach - a, 0), max(b + reach - size, 0)) for a, b, size in ends]
    return np.pad((part.astype(np.float64) + 1) / 2, beyond, mode="symmetric")


def window_means(raw: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of every complete window."""
    reach = len(weights) // 2
    for axis in range(3):
        inner = [slice(None)] * 3
        inner[axis] = slice(reach, -reach)
        raw = correlate1d(raw, weights, axis)[tuple(inner)]
    return raw


def frozen(array: NDArray[np.float64], dtype: type) -> NDArray[Any]:
    """Return a read-only copy: as arrays mapped from files are, so that one kernel serves both."""
    copy: NDArray[Any] = np.array(array, dtype, order="C")
    copy.flags.writeable = False
    return copy
