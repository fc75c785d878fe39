"""Exact 3D-SSIM of ROIs, whole and inside the foreground, many pairs a second.

The figures are scikit-image's (`SsimDefinition`); what makes them fast is that local means and
variances are computed once an ROI, and that background costs nothing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_kernel import pair_sums
from napari_tumor_synth.evaluation.ssim_volume import C1, C2, SsimVolume, window_volume
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

UNIFORM = SsimDefinition()


@dataclass(frozen=True, slots=True)
class SsimScore:
    """Similarity of two ROIs; 1 for identical ones.

    Attributes
    ----------
    whole : float
        Mean over all positions with complete windows. Most are background in both ROIs, where the
        index is 1.
    foreground : float
        Mean over the voxels of the union of both masks.
    """

    whole: float
    foreground: float


@dataclass(frozen=True, slots=True)
class SsimRoi:
    """An ROI ready to be compared with others of its shape.

    Attributes
    ----------
    channels : tuple of SsimVolume
    shape : tuple of int
        (S, A, R).
    definition : SsimDefinition
    """

    channels: tuple[SsimVolume, ...]
    shape: tuple[int, ...]
    definition: SsimDefinition

    @property
    def dtype(self) -> np.dtype[Any]:
        """In which it is compared."""
        return self.channels[0].part.raw.dtype


def prepare_roi(
    image: NDArray[np.floating[Any]],
    definition: SsimDefinition = UNIFORM,
    *,
    exact: bool = True,
) -> SsimRoi:
    """Compute once what every comparison with an ROI needs.

    Parameters
    ----------
    image : numpy.ndarray
        (S, A, R), or (C, S, A, R) whose channels' indices are averaged, in [-1, 1], background -1.
    definition : SsimDefinition
    exact : bool
        Compare in float64; otherwise in float32, in half the memory and within 1e-5.

    Raises
    ------
    InputError
        The ROI is smaller than a window, holds no foreground, or what is not a number.
    """
    channels = image[None] if image.ndim == 3 else image
    dtype = np.float64 if exact else np.float32
    return SsimRoi(
        tuple(window_volume(channel, definition, dtype) for channel in channels),
        channels.shape[1:],
        definition,
    )


def compare(one: SsimRoi, other: SsimRoi) -> SsimScore:
    """Return the 3D-SSIM of two prepared ROIs.

    Raises
    ------
    InputError
        They differ in shape, channels or definition.
    """
    _require_alike(one, other)
    scores = [
        _compare(a, b, one.shape, one.definition)
        for a, b in zip(one.channels, other.channels, strict=True)
    ]
    whole, foreground = np.mean(scores, axis=0)
    return SsimScore(float(whole), float(foreground))


def ssim(
    one: NDArray[np.floating[Any]],
    other: NDArray[np.floating[Any]],
    definition: SsimDefinition = UNIFORM,
) -> SsimScore:
    """Return the 3D-SSIM of two ROIs (S, A, R) or (C, S, A, R) in [-1, 1]; see `prepare_roi`."""
    return compare(prepare_roi(one, definition), prepare_roi(other, definition))


def _compare(
    one: SsimVolume, other: SsimVolume, shape: tuple[int, ...], definition: SsimDefinition
) -> tuple[float, float]:
    number = one.part.raw.dtype.type
    whole, foreground, both = pair_sums(
        one.part,
        other.part,
        definition.weights.astype(number),
        number(definition.covariance_factor),
        number(C1),
        number(C2),
        np.array(shape, np.int64),
    )
    positions = float(np.prod([size - 2 * definition.reach for size in shape]))
    union = one.voxels + other.voxels - both
    return (
        1 + (whole + one.whole_alone + other.whole_alone) / positions,
        (foreground + one.foreground_alone + other.foreground_alone) / union,
    )


def _require_alike(one: SsimRoi, other: SsimRoi) -> None:
    if one.shape != other.shape or len(one.channels) != len(other.channels):
        raise InputError(
            f"ROIs of {_size(one)} and {_size(other)} cannot be compared.",
            "Compare ROIs of one grid and the same sequences.",
        )
    if one.definition != other.definition or one.dtype != other.dtype:
        raise InputError(
            f"ROIs were prepared for different indices: {one.definition} ({one.dtype}) and "
            f"{other.definition} ({other.dtype}).",
            "Prepare both alike.",
        )


def _size(roi: SsimRoi) -> str:
    return f"{len(roi.channels)} x {' x '.join(map(str, roi.shape))} voxels"


def scores_of(query: SsimRoi, others: Sequence[SsimRoi], threads: int = 1) -> NDArray[np.float64]:
    """Return the scores (N, 2), whole and foreground, of a query with each of some ROIs.

    Parameters
    ----------
    query : SsimRoi
    others : sequence of SsimRoi
        Of its shape, channels, definition and floating type.
    threads : int
        To compute with; they share no data, and hold no interpreter lock while they compute.
    """
    if threads == 1:
        scores = [compare(query, other) for other in others]
    else:
        with ThreadPoolExecutor(threads) as pool:
            scores = list(pool.map(lambda other: compare(query, other), others))
    return np.array([(score.whole, score.foreground) for score in scores]).reshape(-1, 2)


def scores_among(
    rois: Sequence[SsimRoi], threads: int = 1, on_progress: OnProgress = ignore_progress
) -> NDArray[np.float64]:
    """Return the scores (N, N, 2) of all pairs; those of a ROI with itself are 1.

    Parameters
    ----------
    rois : sequence of SsimRoi
    threads : int
    on_progress : callable
        Called once a ROI; may raise `Cancelled`.
    """
    count = len(rois)
    found = np.ones((count, count, 2))
    for number in range(count):
        later = scores_of(rois[number], rois[number + 1 :], threads)
        found[number, number + 1 :] = found[number + 1 :, number] = later
        on_progress(Progress(number + 1, count, "comparing ROIs"))
    return found
