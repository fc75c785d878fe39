"""The ROIs of a gallery that an ROI is most like, without comparing it with all of a large one.

Bounds of all scores (`bounds`) say in which order to compare, and when to stop: as soon as no
bound that is left reaches the scores that are wanted, the result is that of comparing with all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import GalleryError
from napari_tumor_synth.evaluation.bounds import MARGIN, bounded_roi, can_be_bounded, upper_bound
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.ssim import SsimRoi, SsimScore, compare
from napari_tumor_synth.processors import thread_pool
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_FIRST, _AT_ONCE = 16, 256  # ROIs that are compared before it is asked whether they are enough


@dataclass(frozen=True, slots=True)
class Searched:
    """How much of a gallery was compared, and what that means.

    Attributes
    ----------
    how : {"all", "certified", "shortlist"}
        All were compared; or some, and no other can be among those that are listed; or some, and
        others might be.
    scored : int
        ROIs that were compared.
    of : int
    certain : int
        How many of the ROIs that were wanted are certainly the best, counted from the first.
    most_left : float or None
        What the foreground score of none of the others exceeds; None where all were compared.
    """

    how: Literal["all", "certified", "shortlist"]
    scored: int
    of: int
    certain: int
    most_left: float | None = None

    def __str__(self) -> str:
        if self.how == "all":
            return f"compared with all {self.of} real ROIs"
        left = self.of - self.scored
        compared = f"compared with {self.scored} of {self.of} real ROIs"
        if self.how == "certified":
            return (
                f"{compared}; certified: none of the other {left} can be more similar than those "
                f"listed (their foreground 3D-SSIM is at most {self.most_left:.3f})"
            )
        listed = "none of the list is certain"
        if self.certain:
            first = "first is" if self.certain == 1 else f"first {self.certain} are"
            listed = f"the {first} certain, what is listed next is not"
        return (
            f"{compared}; {listed}: among the other {left} may be more similar ones, of a "
            f"foreground 3D-SSIM of at most {self.most_left:.3f}"
        )


def scores_at(
    query: SsimRoi, rois: Sequence[SsimRoi], indices: Sequence[int], threads: int
) -> list[SsimScore]:
    """Return the scores of an ROI with some others, each read when it is its turn.

    Parameters
    ----------
    query : SsimRoi
    rois : sequence of SsimRoi
        Such as those of a gallery.
    indices : sequence of int
        Which of them.
    threads : int
    """
    if threads == 1:
        return [compare(query, rois[index]) for index in indices]
    with thread_pool(threads) as pool:
        return list(pool.map(lambda index: compare(query, rois[index]), indices))


def are_quick(gallery: Gallery) -> bool:
    """Return whether comparing with all takes no longer than bounding (measured).

    That is so where ROIs are kept ready: a bound takes a third of a comparison, and few ROIs are
    ruled out unless the query is a copy. Where they must be read again, that takes longer.
    """
    return gallery.rois.all_kept


def search(
    gallery: Gallery,
    query: SsimRoi,
    wanted: int,
    threads: int,
    *,
    among: Sequence[int] | None = None,
    another_patient: bool = True,
    most: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> tuple[dict[int, SsimScore], Searched]:
    """Find the real ROIs of the highest foreground scores, in float32.

    Parameters
    ----------
    gallery : Gallery
    query : SsimRoi
    wanted : int
        ROIs.
    threads : int
    among : sequence of int, optional
        Real ROIs to search; None means all.
    another_patient : bool
        Whether the best ROI of another patient than the very best is wanted as well.
    most : int, optional
        ROIs to compare at most; None means as many as it takes.
    on_progress : callable
        May raise `Cancelled`.

    Returns
    -------
    scores : dict of int to SsimScore
        Of all that were compared, by index.
    searched : Searched

    Raises
    ------
    GalleryError
        A file of the gallery is missing or damaged.
    """
    rows = np.arange(len(gallery)) if among is None else np.array(among)
    enough = len(rows) if most is None else max(most, wanted)
    if (len(rows) <= enough and are_quick(gallery)) or not can_be_bounded(query):
        found = scores_at(query, gallery.rois, rows.tolist(), threads)
        _require_bounded(gallery, rows.tolist(), found, np.ones(len(rows)))
        return dict(zip(rows.tolist(), found, strict=True)), _all(len(rows), wanted)
    on_progress(Progress(0, len(rows), "comparing with real ROIs"))
    bounds = _bounds(gallery, query, rows, threads)
    order = np.argsort(-bounds, kind="stable")
    rows, bounds = rows[order], bounds[order]
    several = len({gallery.persons[row] for row in rows.tolist()}) > 1
    patients = gallery.persons if another_patient and several else ()
    scores: dict[int, SsimScore] = {}
    done, step = 0, _FIRST
    while done < min(enough, len(rows)):
        needed = _needed(scores, wanted, patients)
        possible = int(np.count_nonzero(bounds[done : min(done + step, enough)] >= needed))
        if possible == 0:
            break
        chosen = rows[done : done + possible].tolist()
        found = scores_at(query, gallery.rois, chosen, threads)
        _require_bounded(gallery, chosen, found, bounds[done:])
        scores.update(zip(chosen, found, strict=True))
        done, step = done + possible, min(2 * step, _AT_ONCE)
        on_progress(Progress(done, len(rows), "comparing with real ROIs"))
    if done == len(rows):
        return scores, _all(done, wanted)
    most_left = float(bounds[done])
    beyond = sum(score.foreground > most_left for score in scores.values())
    certified = most_left < _needed(scores, wanted, patients)
    how: Literal["certified", "shortlist"] = "certified" if certified else "shortlist"
    return scores, Searched(how, done, len(rows), min(beyond, wanted), most_left)


def _all(count: int, wanted: int) -> Searched:
    return Searched("all", count, count, min(count, wanted))


def _bounds(
    gallery: Gallery, query: SsimRoi, rows: NDArray[np.int64], threads: int
) -> NDArray[np.float64]:
    bounded, outlines = bounded_roi(query), gallery.outlines

    def bounds_of(part: NDArray[np.int64]) -> list[float]:
        return [upper_bound(bounded, outlines.sketches(index)) for index in part.tolist()]

    parts = np.array_split(rows, max(1, len(rows) // _AT_ONCE))
    with thread_pool(threads) as pool:
        return np.array([bound for part in pool.map(bounds_of, parts) for bound in part])


def _needed(scores: dict[int, SsimScore], wanted: int, patients: Sequence[str]) -> float:
    """Return the score that an ROI must reach to change what is found.

    Without patients, none other than that of the best matters.
    """
    if len(scores) < wanted:
        return -np.inf
    order = sorted(scores, key=lambda index: -scores[index].foreground)
    last = scores[order[wanted - 1]].foreground
    if not patients:
        return last
    others = (index for index in order if patients[index] != patients[order[0]])
    other = next(others, None)
    return min(last, -np.inf if other is None else scores[other].foreground)


def _require_bounded(
    gallery: Gallery, chosen: list[int], found: list[SsimScore], bounds: NDArray[np.float64]
) -> None:
    """Make sure that scores keep to their bounds, which those of damaged files may not."""
    for index, score, bound in zip(chosen, found, bounds.tolist(), strict=False):
        if not score.foreground <= bound + MARGIN:
            gallery.require_unchanged(index)
            raise GalleryError(
                f"The gallery {gallery.folder} is damaged: what it says of "
                f"{gallery.entries[index].name} cannot be.",
                "Run tumor-synth gallery build again with the same folder: it makes anew what is "
                "damaged.",
            )
