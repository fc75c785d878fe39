"""How alike the real ROIs of a gallery are among themselves: what makes a score judgeable.

A gallery of up to `MOST_COMPARED` ROIs compares all its pairs. A larger one compares some of its
ROIs, drawn by a fixed seed, with all others.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tumor_synth.evaluation.ssim import SsimRoi, compare, scores_of
from napari_tumor_synth.evaluation.stored_arrays import (
    SECONDS_BETWEEN_SAVES,
    read_arrays,
    write_arrays,
)
from napari_tumor_synth.processors import thread_pool
from napari_tumor_synth.progress import OnProgress, Progress

MOST_COMPARED, DRAWN = 1000, 300
SAME_TUMOUR = 0.9
"""Foreground score of ROIs that show the same tumour, whatever they are called."""
_ENOUGH = 30  # ROIs, to tell which scores are far above the others
_BUT_FOR_NOISE = 0.99  # foreground score of the same image, however it was stored
_ONE_IMAGE = 0.99999  # but for the rounding of float32
_BELOW_ONE = 1 - 1e-12
_COLUMNS_A_STEP = 16


def fisher(scores: ArrayLike) -> NDArray[np.float64]:
    """Return Fisher's transform of scores, which is unbounded."""
    bounded = np.clip(np.asarray(scores, np.float64), -_BELOW_ONE, _BELOW_ONE)
    found: NDArray[np.float64] = np.arctanh(bounded)
    return found


def outer_fence(nearest: NDArray[np.float64]) -> float:
    """Return the nearest score beyond which one is far above the others.

    That is the outer fence of a box plot of Fisher's transform, three quartile distances above the
    third quartile: of normally distributed ones, one in a million is beyond. NaN counts nowhere.
    """
    known = nearest[np.isfinite(nearest)]
    if not len(known):
        return 1.0
    low, high = np.quantile(fisher(known), [0.25, 0.75])
    return float(np.tanh(high + 3 * (high - low)))


@dataclass(frozen=True, eq=False)
class RealScores:
    """3D-SSIM among real ROIs.

    Attributes
    ----------
    rows : (M,) int64
        The ROIs that were compared with all others.
    values : (M, N, 2) float32
        Whole and foreground; NaN where a comparison is still to be made.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float32]

    def nearest(self, groups: Sequence[str]) -> NDArray[np.float64]:
        """Return the highest score (M, 2) of each row with an ROI of another group.

        Parameters
        ----------
        groups : sequence of str
            The patient of each ROI. A row without another patient is NaN.
        """
        names = np.array(groups)
        others = names[self.rows][:, None] != names[None]
        values = np.where(others[..., None], self.values, -np.inf).max(axis=1).astype(np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def same_tumours(self, groups: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """Return pairs of ROIs of different groups that show the same tumour, lower index first.

        They are one patient under two names, or one image stored twice: the same but for noise, or
        of a score of at least `SAME_TUMOUR` and far nearer than the others. Where there are too few
        to tell, only identical images count: in a small box, different tumours are alike.

        Parameters
        ----------
        groups : sequence of str
            The patient of each ROI.
        """
        nearest, least = self.nearest(groups)[:, 1], _ONE_IMAGE
        if np.isfinite(nearest).sum() >= _ENOUGH:
            least = min(_BUT_FOR_NOISE, max(SAME_TUMOUR, outer_fence(nearest)))
        rows, columns = np.nonzero(self.values[..., 1] >= least)
        pairs = zip(self.rows[rows].tolist(), columns.tolist(), strict=True)
        return tuple(sorted({(min(p), max(p)) for p in pairs if groups[p[0]] != groups[p[1]]}))


def compare_all(
    rois: Sequence[SsimRoi],
    contents: Sequence[str],
    path: Path,
    threads: int,
    on_progress: OnProgress,
) -> RealScores:
    """Compare real ROIs with each other, and keep the scores in a file.

    What an earlier call has compared is not compared again, whether it was stopped or the gallery
    has grown since.

    Parameters
    ----------
    rois : sequence of SsimRoi
    contents : sequence of str
        What names each, for the next call.
    path : Path
        An ``.npz`` file, written every half minute and at the end, whatever ends the work.
    threads : int
    on_progress : callable
        Called once an ROI, or a few of a large gallery; may raise `Cancelled`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    scores = _begun(contents, path)
    last = time.monotonic()
    steps = _rows_compared if len(contents) <= MOST_COMPARED else _columns_compared
    try:
        for progress in steps(scores, rois, threads):
            if time.monotonic() - last > SECONDS_BETWEEN_SAVES:
                _save(scores, contents, path)
                last = time.monotonic()
            on_progress(progress)
    finally:
        _save(scores, contents, path)
    return scores


def _rows_compared(scores: RealScores, rois: Sequence[SsimRoi], threads: int) -> Iterator[Progress]:
    """Compare each ROI with all others, in place; each pair once."""
    for row, index in enumerate(scores.rows.tolist()):
        missing = np.flatnonzero(np.isnan(scores.values[row, :, 0])).tolist()
        found = scores_of(rois[index], [rois[other] for other in missing], threads)
        scores.values[row, missing] = found
        for other_row in np.flatnonzero(np.isin(scores.rows, missing)):
            scores.values[other_row, index] = scores.values[row, scores.rows[other_row]]
        yield Progress(row + 1, len(scores.rows), "comparing real ROIs")


def _columns_compared(
    scores: RealScores, rois: Sequence[SsimRoi], threads: int
) -> Iterator[Progress]:
    """Compare each ROI with those that were drawn, in place.

    Those are kept in memory, and each of the others is read once.
    """
    drawn = [rois[index] for index in scores.rows.tolist()]
    count = len(rois)

    def compare_one(index: int) -> None:
        roi = rois[index]
        for row in np.flatnonzero(np.isnan(scores.values[:, index, 0])).tolist():
            score = compare(roi, drawn[row])
            scores.values[row, index] = score.whole, score.foreground

    with thread_pool(threads) as pool:
        for begin in range(0, count, _COLUMNS_A_STEP):
            end = min(begin + _COLUMNS_A_STEP, count)
            list(pool.map(compare_one, range(begin, end)))
            yield Progress(end, count, "comparing real ROIs")


def read_scores(contents: Sequence[str], path: Path) -> RealScores | None:
    """Return the finished scores of these ROIs, or None where there are none."""
    scores = _begun(contents, path)
    return None if np.isnan(scores.values).any() else scores


def _begun(contents: Sequence[str], path: Path) -> RealScores:
    """Return what is known of these ROIs' scores."""
    count = len(contents)
    rows = np.arange(count)
    if count > MOST_COMPARED:
        rows = np.sort(np.random.default_rng(0).choice(count, DRAWN, replace=False))
    values = np.full((len(rows), count, 2), np.nan, np.float32)
    values[np.arange(len(rows)), rows] = 1
    earlier = _read(path)
    if earlier is not None:
        names, earlier_rows, earlier_values = earlier
        places = {name: number for number, name in enumerate(names.tolist())}
        known = np.array([places.get(content, -1) for content in contents])
        row_of = {int(place): row for row, place in enumerate(earlier_rows)}
        columns = np.flatnonzero(known >= 0)
        for row, index in enumerate(rows.tolist()):
            earlier_row = row_of.get(int(known[index]))
            if earlier_row is not None:
                values[row, columns] = earlier_values[earlier_row, known[columns]]
    return RealScores(rows, values)


def _read(
    path: Path,
) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.float32]] | None:
    """Return names, rows and values of a file, unless it is missing or damaged."""
    stored = read_arrays(path, "contents", "rows", "values")
    if stored is None:
        return None
    names, rows, values = stored
    fits = values.shape == (len(rows), len(names), 2) and rows.dtype == np.int64
    return (names, rows, values) if fits and names.dtype.kind == "U" else None


def _save(scores: RealScores, contents: Sequence[str], path: Path) -> None:
    write_arrays(path, contents=np.array(contents), rows=scores.rows, values=scores.values)
