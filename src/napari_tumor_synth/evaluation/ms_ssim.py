"""Multi-scale structural similarity of volumes, exact and many pairs a second.

.. [1] Wang et al., Multiscale Structural Similarity for Image Quality Assessment, 2003.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ms_ssim_definition import (
    PRESETS,
    MsSsimSettings,
    settings_for,
)
from napari_tumor_synth.evaluation.ms_ssim_pyramid import (
    Level,
    LevelConstants,
    MsSsimRoi,
    constants_of,
    prepare_ms_ssim,
)
from napari_tumor_synth.evaluation.ssim_kernel import pair_sums
from napari_tumor_synth.evaluation.ssim_volume import window_means

__all__ = [
    "PRESETS",
    "MsSsimRoi",
    "MsSsimScore",
    "MsSsimSettings",
    "compare_ms_ssim",
    "ms_ssim",
    "prepare_ms_ssim",
    "settings_for",
]


@dataclass(frozen=True, slots=True)
class MsSsimScore:
    """Similarity of two volumes: 0 to 1, 1 for identical ones.

    Attributes
    ----------
    whole : float
        Over all positions; most are background in both ROIs, where the index is 1.
    foreground : float
        Over the voxels that hold foreground of either, at each level; 1 if neither holds any.
    """

    whole: float
    foreground: float


def ms_ssim(
    first: NDArray[np.floating[Any]],
    second: NDArray[np.floating[Any]],
    settings: MsSsimSettings,
) -> float:
    """Return the 3D MS-SSIM of two whole volumes ([1]_, in three dimensions).

    Parameters
    ----------
    first, second : numpy.ndarray
        ``(S, A, R)``, or ``(C, S, A, R)`` whose channels' figures are averaged, in [-1, 1].
    settings : MsSsimSettings
        Which definition; `settings_for` has presets.

    Returns
    -------
    float
        0 to 1, 1 for identical volumes.

    Raises
    ------
    InputError
        Shapes differ, the coarsest level is smaller than the window, or a volume holds what is not
        a number.
    """
    one, other = prepare_ms_ssim(first, settings), prepare_ms_ssim(second, settings)
    return compare_ms_ssim(one, other).whole


def compare_ms_ssim(one: MsSsimRoi, other: MsSsimRoi) -> MsSsimScore:
    """Return the MS-SSIM of two prepared volumes.

    Raises
    ------
    InputError
        They differ in shape, channels or settings.
    """
    _require_alike(one, other)
    scores = [
        _compare(levels, theirs, one.settings)
        for levels, theirs in zip(one.channels, other.channels, strict=True)
    ]
    whole, foreground = np.mean(scores, axis=0)
    return MsSsimScore(float(whole), float(foreground))


def _compare(
    levels: tuple[Level, ...], others: tuple[Level, ...], settings: MsSsimSettings
) -> NDArray[np.float64]:
    """Return the product over levels of their means, whole and in the foreground."""
    product = np.ones(2)
    for number, weight in enumerate(settings.weights):
        constants = constants_of(settings, last=number == settings.levels - 1)
        means = _direct_means if constants.offset else _level_means
        whole, foreground = means(levels[number], others[number], settings, constants)
        product *= np.maximum((whole, foreground), 0.0) ** weight
    return product


def _level_means(
    one: Level, other: Level, settings: MsSsimSettings, constants: LevelConstants
) -> tuple[float, float]:
    whole, foreground, both = pair_sums(
        one.part, other.part, settings.taps, 1.0, constants.c1, constants.c2, one.shape
    )
    union = one.voxels + other.voxels - both
    inside = foreground + one.foreground_alone + other.foreground_alone
    return (
        1 + (whole + one.whole_alone + other.whole_alone) / one.positions,
        inside / union if union else 1.0,
    )


def _direct_means(
    one: Level, other: Level, settings: MsSsimSettings, constants: LevelConstants
) -> tuple[float, float]:
    """Return the means of a level whose parts are whole volumes, mirrored at their borders."""
    reach, taps, x, y = settings.reach, settings.taps, one.part, other.part
    covariance = window_means(x.raw * y.raw, taps) - x.mean * y.mean
    m, n = x.mean + constants.offset, y.mean + constants.offset
    luminance = (2 * m * n + constants.c1) / (m * m + n * n + constants.c1)
    structure = (2 * covariance + constants.c2) / (x.variance + y.variance + constants.c2)
    index = luminance * structure
    union = ((x.raw > 0) | (y.raw > 0))[(slice(reach, -reach),) * 3]
    inside = float(index[union].mean()) if union.any() else 1.0
    if settings.borders == "complete":
        index = index[(slice(reach, -reach),) * 3]
    return float(index.mean()), inside


def _require_alike(one: MsSsimRoi, other: MsSsimRoi) -> None:
    if one.shape != other.shape or len(one.channels) != len(other.channels):
        raise InputError(
            f"Volumes of {_size(one)} and {_size(other)} voxels cannot be compared.",
            "Compare equal shapes.",
        )
    if one.settings != other.settings:
        raise InputError(
            f"Volumes were prepared for different figures: {one.settings}; {other.settings}.",
            "Prepare both alike.",
        )


def _size(roi: MsSsimRoi) -> str:
    return " x ".join(map(str, (len(roi.channels), *roi.shape)))
