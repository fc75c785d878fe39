"""Inner products of all ROIs of a set: all that linear and Gaussian kernels and a PCA need.

Streamed: each ROI is loaded a few times, so that a thousand of 128^3 need not be in memory at once.
Intensities are moved so that background is 0; distances do not change by that, and background that
all ROIs share costs nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

MEMORY = 2_000_000_000
"""Bytes that loaded ROIs may take."""

_SAME = 1e-3
"""Share of the largest distance below which two items are copies of each other."""

_CHUNK = 8192  # voxels; short sums in float32, long ones in float64

Image = NDArray[np.floating[Any]]
Box = tuple[slice, ...]


def gram_matrix(
    rois: Sequence[Image],
    *,
    memory: int = MEMORY,
    on_progress: OnProgress = ignore_progress,
) -> NDArray[np.float64]:
    """Return the inner products (n, n) of ``roi + 1``.

    Parameters
    ----------
    rois : sequence of numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1], of one shape. May load each when it is asked
        for, which happens twice, and once more for each other block that memory does not hold.
    memory : int
        Bytes for the ROIs of two blocks, cut to the box that holds the foreground of all.
    on_progress : callable
        Called after each ROI loaded.

    Raises
    ------
    InputError
        No ROI, ROIs of different shapes, or one that holds what is not a number.
    Cancelled
        Raised by `on_progress`.
    """
    count = len(rois)
    if not count:
        raise InputError("There is no ROI to measure.", "Give at least one ROI.")
    box = _common_box(rois, on_progress)
    voxels = int(np.prod([part.stop - part.start for part in box]))
    block = max(1, memory // (2 * 4 * max(voxels, 1)))
    starts = range(0, count, block)
    total = count + sum(count - start for start in starts)
    done = count
    gram = np.empty((count, count))
    for start in starts:
        ours = theirs = _rows(rois, range(start, min(start + block, count)), box)
        for other in range(start, count, block):
            if other > start:
                theirs = _rows(rois, range(other, min(other + block, count)), box)
            products = _products(ours, theirs)
            gram[start : start + len(ours), other : other + len(theirs)] = products
            gram[other : other + len(theirs), start : start + len(ours)] = products.T
            done += len(theirs)
            on_progress(Progress(done, total, "comparing voxels"))
    return gram


def gram_of_features(features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the inner products (n, n) of feature vectors (n, d).

    Raises
    ------
    InputError
        Not one vector each, or what is not a number.
    """
    rows = checked_features(features)
    products: NDArray[np.float64] = rows @ rows.T
    return products


def checked_features(features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return feature vectors (n, d) as float64.

    Raises
    ------
    InputError
        Not one vector each, or what is not a number.
    """
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise InputError(
            f"An array of {' x '.join(map(str, rows.shape))} holds no feature vectors.",
            "Give one vector a row.",
        )
    if not np.isfinite(rows).all():
        bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise InputError(
            f"Feature vector {bad + 1} holds values that are not numbers.",
            "Compute the features anew.",
        )
    return rows


def features_of_one_space(
    one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two sets of feature vectors, (n, d) and (m, d), as float64.

    Raises
    ------
    InputError
        As `checked_features`, or their vectors differ in length.
    """
    ours, theirs = checked_features(one), checked_features(other)
    if ours.shape[1] != theirs.shape[1]:
        raise InputError(
            f"Vectors of {ours.shape[1]} and {theirs.shape[1]} features cannot be compared.",
            "Compute both with one extractor.",
        )
    return ours, theirs


def squared_distances(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared Euclidean distances (n, n) that inner products imply."""
    squares = np.diag(gram)
    distances: NDArray[np.float64] = np.maximum(squares[:, None] + squares - 2 * gram, 0.0)
    np.fill_diagonal(distances, 0.0)
    return distances


def median_distance(squared: NDArray[np.float64]) -> float:
    """Return the median distance of different items: copies would pull it to 0.

    Raises
    ------
    InputError
        All items are the same.
    """
    distances = np.sqrt(squared[np.triu_indices(len(squared), 1)])
    different = distances[distances > _SAME * distances.max(initial=0.0)]
    if not len(different):
        raise InputError("All ROIs are the same.", "Give ROIs that differ.")
    return float(np.median(different))


def _common_box(rois: Sequence[Image], on_progress: OnProgress) -> Box:
    """Look at every ROI once; return the box, channels included, of what is not background."""
    shape: tuple[int, ...] = ()
    low, high = np.array([0]), np.array([0])
    for number in range(len(rois)):
        roi = rois[number]
        if number == 0:
            shape = roi.shape
            low, high = np.array(shape), np.zeros(len(shape), int)
        _require_alike(roi, shape, number)
        for axis in range(roi.ndim):
            others = tuple(other for other in range(roi.ndim) if other != axis)
            places = np.flatnonzero((roi != -1).any(axis=others))
            if len(places):
                low[axis] = min(low[axis], places[0])
                high[axis] = max(high[axis], places[-1] + 1)
        on_progress(Progress(number + 1, 2 * len(rois), "looking at ROIs"))
    return tuple(slice(min(a, b), b) for a, b in zip(low.tolist(), high.tolist(), strict=True))


def _require_alike(roi: Image, shape: tuple[int, ...], number: int) -> None:
    if roi.shape != shape:
        raise InputError(
            f"ROI {number + 1} has {' x '.join(map(str, roi.shape))} voxels, the first has "
            f"{' x '.join(map(str, shape))}.",
            "Give ROIs of one grid and the same sequences.",
        )
    if roi.ndim not in (3, 4):
        raise InputError(
            f"An array of {' x '.join(map(str, shape))} is no ROI.",
            "Give (S, A, R) or (C, S, A, R).",
        )
    if not np.isfinite(roi).all():
        raise InputError(
            f"ROI {number + 1} holds values that are not numbers.",
            "Cut or generate the ROI anew.",
        )


def _rows(rois: Sequence[Image], numbers: range, box: Box) -> NDArray[np.float32]:
    return np.stack([rois[number][box].astype(np.float32).ravel() + 1 for number in numbers])


def _products(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float64]:
    products = np.zeros((len(ours), len(theirs)))
    for start in range(0, ours.shape[1], _CHUNK):
        end = start + _CHUNK
        products += ours[:, start:end] @ theirs[:, start:end].T
    return products
