"""The nearest real ROIs of an ROI that may have been mirrored, turned or shifted.

All transforms are searched over the whole gallery on coarse volumes, and the likeliest pairs are
compared exactly: so the list may lack an ROI that only looks like the query at full resolution.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.alignment import (
    MEDIUM,
    best_shifts,
    coarsened,
    coarseness,
    parts_of,
    refined_shift,
    spectrum_of,
)
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.ssim import SsimScore, compare, prepare_roi
from napari_tumor_synth.evaluation.transforms import Transform, all_transforms
from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.processors import thread_pool
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

FINE, HALF = 500, 16
"""Real ROIs that are searched on coarse volumes; more are searched on those of so many voxels an
axis first, and the likeliest are left."""
PAIRS = 16
"""Pairs of a real ROI and a transform that are compared exactly."""
_TRANSFORMS_AN_ROI = 2  # of those pairs, at most
_SEARCHING = "comparing mirrored, turned and shifted"
_Of = TypeVar("_Of")
_Result = TypeVar("_Result")


def search_transforms(
    gallery: Gallery,
    image: NDArray[np.float32],
    threads: int,
    among: Sequence[int] | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
) -> dict[int, tuple[SsimScore, Transform]]:
    """Return the best score of some real ROIs with a transform of an ROI, in float32.

    Parameters
    ----------
    gallery : Gallery
    image : numpy.ndarray
        (C, S, A, R) on the gallery's grid.
    threads : int
    among : sequence of int, optional
        Real ROIs to search; None means all.
    on_progress : callable
        Called once an ROI; may raise `Cancelled`.

    Returns
    -------
    dict of int to (SsimScore, Transform)
        By the index of the real ROI.
    """
    transforms = list(all_transforms())
    coarse = coarsened(parts_of(image))
    moving = np.stack([spectrum_of(transform.move(coarse)) for transform in transforms])
    shape = coarse.shape[1:]
    searched = range(len(gallery)) if among is None else among
    with thread_pool(threads) as pool:
        if len(searched) > FINE:
            searched = _coarsest(gallery, coarse, transforms, searched, pool, on_progress)

        def correlations(index: int) -> NDArray[np.float32]:
            return best_shifts(moving, gallery.coarse_spectrum(index), shape)[0]

        found = _of_all(pool, correlations, searched, on_progress, _SEARCHING)
        pairs = [(searched[row], tried) for row, tried in _likeliest(np.array(found))]
        moved = _of_each(pool, {t for _, t in pairs}, lambda t: _Moved(transforms[t].apply(image)))
        real = _of_each(pool, {i for i, _ in pairs}, lambda i: _Moved(gallery.image(i)))

        def score(pair: tuple[int, int]) -> tuple[SsimScore, Transform]:
            index, tried = pair
            shift = _shift(moved[tried], real[index])
            shifted = Transform(shift=shift).apply(moved[tried].image)
            if not (shifted > BACKGROUND).any():
                return SsimScore(-1.0, -1.0), transforms[tried]
            prepared = prepare_roi(shifted, gallery.plan.definition, exact=False)
            return compare(prepared, gallery.rois[index]), transforms[tried].shifted(shift)

        best: dict[int, tuple[SsimScore, Transform]] = {}
        scored = _of_all(pool, score, pairs, on_progress, "comparing the likeliest exactly")
        for (index, _), one in zip(pairs, scored, strict=True):
            if index not in best or one[0].foreground > best[index][0].foreground:
                best[index] = one
    return best


def _coarsest(
    gallery: Gallery,
    coarse: NDArray[np.float32],
    transforms: Sequence[Transform],
    searched: Sequence[int],
    pool: ThreadPoolExecutor,
    on_progress: OnProgress,
) -> list[int]:
    """Return the `FINE` real ROIs that are likeliest on volumes of half the coarse grid."""
    halved = coarsened(coarse, HALF)
    shape = halved.shape[1:]
    moving = np.stack(
        [spectrum_of(coarsened(transform.move(coarse), HALF)) for transform in transforms]
    )

    def best(index: int) -> float:
        fixed = spectrum_of(coarsened(gallery.outlines.coarse(index), HALF))
        return float(best_shifts(moving, fixed, shape)[0].max())

    found = np.array(_of_all(pool, best, searched, on_progress, f"{_SEARCHING}, coarsely"))
    return [searched[place] for place in np.argsort(-found, kind="stable")[:FINE].tolist()]


def _of_all(
    pool: ThreadPoolExecutor,
    function: Callable[[_Of], _Result],
    given: Sequence[_Of],
    on_progress: OnProgress,
    message: str,
) -> list[_Result]:
    """Return what a function makes of each, and say so once each."""
    results = []
    for done, result in enumerate(pool.map(function, given), start=1):
        results.append(result)
        on_progress(Progress(done, len(given), message))
    return results


class _Moved:
    """An ROI and what shifting it onto another needs."""

    def __init__(self, image: NDArray[np.float32]) -> None:
        self.image = image
        self.parts = parts_of(image)
        medium = coarsened(self.parts, MEDIUM)
        self.shape, self.spectrum = medium.shape[1:], spectrum_of(medium)


def _of_each(
    pool: ThreadPoolExecutor, keys: set[int], make: Callable[[int], _Moved]
) -> dict[int, _Moved]:
    ordered = sorted(keys)
    return dict(zip(ordered, pool.map(make, ordered), strict=True))


def _shift(moving: _Moved, fixed: _Moved) -> tuple[int, int, int]:
    """Return the shift that lays one ROI best on the other, in voxels of their grid."""
    factor = coarseness(moving.image.shape[1:], MEDIUM)
    _, shifts = best_shifts(moving.spectrum[None], fixed.spectrum, moving.shape)
    s, a, r = (factor * shifts[0]).tolist()
    return refined_shift(moving.parts, fixed.parts, (s, a, r), factor - 1)


def _likeliest(correlations: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the pairs (ROI, transform) of the highest correlations (N, T)."""
    found: list[tuple[int, int]] = []
    for place in np.argsort(-correlations, axis=None, kind="stable").tolist():
        index, transform = divmod(place, correlations.shape[1])
        if sum(1 for other, _ in found if other == index) < _TRANSFORMS_AN_ROI:
            found.append((index, transform))
        if len(found) == PAIRS:
            break
    return found
