"""Figures of merit of readers, and what they are without each of the cases in turn.

.. [1] DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver
   operating characteristic curves, Biometrics 1988.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.study.statistics.answers import Answers


@dataclass(frozen=True, eq=False)
class Jackknifed:
    """Figures of merit of readers under one or more treatments.

    Attributes
    ----------
    values : (treatments, readers) float64
        NaN where a reader judged too few cases.
    left_out : (treatments, readers, cases) float64
        The same without each case; the value itself where the case has no part in it.
    """

    values: NDArray[np.float64]
    left_out: NDArray[np.float64]

    @property
    def covariances(self) -> NDArray[np.float64]:
        """Jackknife covariances (treatments, readers, treatments, readers) over cases."""
        cases = self.left_out.shape[-1]
        flat = self.left_out.reshape(-1, cases)
        deviations = flat - flat.mean(axis=1, keepdims=True)
        found: NDArray[np.float64] = (cases - 1) / cases * deviations @ deviations.T
        return found.reshape(*self.values.shape, *self.values.shape)


def placements(
    synthetic: NDArray[np.float64], real: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of the others that each rating is on the right side of; a tie is half.

    Their means are the area under the ROC curve (Mann-Whitney). Structural components of [1]_.

    Parameters
    ----------
    synthetic, real : (m,), (n,) float64
        Neither empty.

    Returns
    -------
    of_synthetic, of_real : (m,), (n,) float64
    """
    won = (synthetic[:, None] > real[None]) + 0.5 * (synthetic[:, None] == real[None])
    return won.mean(axis=1), won.mean(axis=0)


def areas(answers: Answers) -> Jackknifed:
    """Return the area under the ROC curve of each reader; one treatment."""
    values = np.full(len(answers.readers), np.nan)
    left_out = np.full(answers.ratings.shape, np.nan)
    for reader, ratings in enumerate(answers.ratings):
        judged = ~np.isnan(ratings)
        synthetic, real = judged & answers.is_synthetic, judged & ~answers.is_synthetic
        counts = np.count_nonzero(synthetic), np.count_nonzero(real)
        if min(counts) < 2:
            continue
        area, (of_synthetic, of_real) = _area(ratings[synthetic], ratings[real])
        values[reader], left_out[reader] = area, area
        left_out[reader, synthetic] = (counts[0] * area - of_synthetic) / (counts[0] - 1)
        left_out[reader, real] = (counts[1] * area - of_real) / (counts[1] - 1)
    return Jackknifed(values[None], left_out[None])


def shares(correct: NDArray[np.float64]) -> Jackknifed:
    """Return the share of right answers of each reader; one treatment.

    Parameters
    ----------
    correct : (readers, cases) float64
        1, 0, or NaN where there is no answer.
    """
    judged = ~np.isnan(correct)
    count = judged.sum(axis=1, keepdims=True)
    right = np.where(judged, correct, 0).sum(axis=1, keepdims=True)
    enough = count >= 2
    values = np.where(enough, right / np.maximum(count, 1), np.nan)
    without = (right - np.where(judged, correct, 0)) / np.maximum(count - 1, 1)
    left_out = np.where(judged & enough, without, values)
    return Jackknifed(values[None, :, 0], left_out[None])


def balanced_shares(correct: NDArray[np.float64], is_synthetic: NDArray[np.bool_]) -> Jackknifed:
    """Return the mean of the shares of right answers to real and to synthetic cases.

    Who always says the same has one half, however many there are of each; with as many of each, it
    is the share of right answers.

    Parameters
    ----------
    correct : (readers, cases) float64
        1, 0, or NaN where there is no answer.
    is_synthetic : (cases,) bool
    """
    of_each = [shares(np.where(kind, correct, np.nan)) for kind in (is_synthetic, ~is_synthetic)]
    return Jackknifed(
        (of_each[0].values + of_each[1].values) / 2,
        (of_each[0].left_out + of_each[1].left_out) / 2,
    )


def together(figures: Sequence[Jackknifed]) -> Jackknifed:
    """Return treatments that were read by the same readers on the same cases, as one."""
    return Jackknifed(
        np.concatenate([one.values for one in figures]),
        np.concatenate([one.left_out for one in figures]),
    )


def delong_variance(synthetic: NDArray[np.float64], real: NDArray[np.float64]) -> float:
    """Return the variance of an area under the ROC curve [1]_; at least two ratings of each."""
    of_synthetic, of_real = placements(synthetic, real)
    return float(of_synthetic.var(ddof=1) / len(synthetic) + of_real.var(ddof=1) / len(real))


def _area(
    synthetic: NDArray[np.float64], real: NDArray[np.float64]
) -> tuple[float, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    both = placements(synthetic, real)
    return float(both[0].mean()), both
