"""The nearest real ROIs of an ROI that may have been mirrored, turned or shifted.

All transforms are searched over the whole gallery on coarse volumes, and the likeliest pairs are
compared exactly: so the list may lack an ROI that only looks like the query at full resolution.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.alignment import (
    best_shifts,
    coarsened,
    parts_of,
    spectrum_of,
)
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.ssim import SsimScore, compare, prepare_roi
from napari_tumor_synth.evaluation.transforms import Transform, all_transforms

PAIRS = 16
"""Pairs of a real ROI and a transform that are compared exactly."""
_TRANSFORMS_AN_ROI = 2  # of those pairs, at most


def search_transforms(
    gallery: Gallery,
    image: NDArray[np.float32],
    threads: int,
    among: Sequence[int] | None = None,
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
    spectra = gallery.coarse_spectra
    with ThreadPoolExecutor(threads) as pool:
        found = list(
            pool.map(lambda index: best_shifts(moving, spectra[index], shape)[0], searched)
        )
        pairs = [(searched[row], tried) for row, tried in _likeliest(np.array(found))]
        scores = pool.map(
            lambda pair: _compare_exactly(gallery, image, pair[0], transforms[pair[1]]), pairs
        )
        best: dict[int, tuple[SsimScore, Transform]] = {}
        for (index, _), (score, transform) in zip(pairs, scores, strict=True):
            if index not in best or score.foreground > best[index][0].foreground:
                best[index] = (score, transform)
    return best


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


def _compare_exactly(
    gallery: Gallery, image: NDArray[np.float32], index: int, transform: Transform
) -> tuple[SsimScore, Transform]:
    """Shift a transformed ROI to where it lies best on a real one, at full resolution."""
    moved = transform.apply(image)
    real = parts_of(gallery.image(index))
    _, shifts = best_shifts(spectrum_of(parts_of(moved))[None], spectrum_of(real), real.shape[1:])
    s, a, r = shifts[0].tolist()
    complete = transform.shifted((s, a, r))
    prepared = prepare_roi(complete.apply(image), gallery.plan.definition, exact=False)
    return compare(prepared, gallery.rois[index]), complete
