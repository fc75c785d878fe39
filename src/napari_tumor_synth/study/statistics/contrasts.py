"""Whether one generator is told from real ROIs more easily than another.

Readers and cases are drawn again together (two-way bootstrap): real cases, which both generators
share, once for both.

.. [1] Gallas, One-shot estimate of MRMC variance: AUC, Academic Radiology 2006, on what such a
   bootstrap estimates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.obuchowski_rockette import FEWEST_RANDOM_READERS

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Contrast:
    """Mean figure of one generator less that of another.

    The figure is the area under the ROC curve; of pairs, the share of right answers.

    Attributes
    ----------
    first, second : float
        Mean over readers, each against the same real cases.
    low, high : float or None
        95 % interval of the difference; None where all resamples are alike.
    p_value : float or None
        That there is a difference; at least 2 over the number of resamples.
    random_readers : bool
        Whether readers were drawn again as well.
    """

    first: float
    second: float
    low: float | None
    high: float | None
    p_value: float | None
    random_readers: bool

    @property
    def difference(self) -> float:
        """First less second."""
        return self.first - self.second


def contrast(
    answers: Answers, first: NDArray[np.bool_], second: NDArray[np.bool_], seed: int = 0
) -> Contrast:
    """Compare two generators.

    Parameters
    ----------
    answers : Answers
        To real cases and those of both generators, or to pairs; each reader judged some of each.
    first, second : (cases,) bool
        Which synthetic cases are of which generator.
    seed : int
    """
    if answers.is_synthetic.all():
        correct = answers.correct()
        won = [_right(correct[:, chosen]) for chosen in (first, second)]
    else:
        won = [_won(answers.ratings, chosen, ~answers.is_synthetic) for chosen in (first, second)]
    rng = np.random.default_rng(seed)
    random_readers = len(answers.readers) >= FEWEST_RANDOM_READERS
    count = len(answers.readers)
    everybody = np.ones((1, count))
    found = [
        _areas(one, everybody, *(np.ones((1, size)) for size in one[0].shape[1:]))[0] for one in won
    ]
    readers = _times(count, rng) if random_readers else np.ones((RESAMPLES, count))
    reals = _times(won[0][0].shape[2], rng)
    areas = [_areas(one, readers, _times(one[0].shape[1], rng), reals) for one in won]
    drawn = areas[0] - areas[1]
    known = drawn[np.isfinite(drawn)]
    if np.ptp(known) == 0:
        return Contrast(float(found[0]), float(found[1]), None, None, None, random_readers)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    beyond = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    p_value = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    return Contrast(
        float(found[0]), float(found[1]), float(low), float(high), p_value, random_readers
    )


_Won = tuple[NDArray[np.float64], NDArray[np.float64]]


def _won(
    ratings: NDArray[np.float64], synthetic: NDArray[np.bool_], real: NDArray[np.bool_]
) -> _Won:
    """Return which of two is rated higher (readers, synthetic, real), and where both are judged."""
    gap = ratings[:, synthetic, None] - ratings[:, None, real]
    judged = ~np.isnan(gap)
    return np.where(judged, np.sign(gap) / 2 + 0.5, 0.0), judged.astype(np.float64)


def _right(correct: NDArray[np.float64]) -> _Won:
    """Return the same of pairs, which have nothing to be set against: (readers, pairs, 1)."""
    judged = ~np.isnan(correct)[:, :, None]
    return np.where(judged, correct[:, :, None], 0.0), judged.astype(np.float64)


def _areas(
    won: _Won,
    readers: NDArray[np.float64],
    of_synthetic: NDArray[np.float64],
    of_real: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the mean area over readers of each resample.

    Parameters
    ----------
    won : two (readers, synthetic, real) float64
    readers, of_synthetic, of_real : (resamples, n) float64
        How often each was drawn.
    """
    wins, pairs = (
        np.einsum("rsb,bs->br", one @ of_real.T, of_synthetic, optimize=True) for one in won
    )
    known = readers * (pairs > 0)  # who judged nothing of a resample says nothing of it
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = (wins / np.maximum(pairs, 1) * known).sum(axis=1) / known.sum(
            axis=1
        )
    return found


def _times(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each of `count` is in each resample (resamples, count)."""
    shares = np.full(count, 1 / count)
    return rng.multinomial(count, shares, size=RESAMPLES).astype(np.float64)
