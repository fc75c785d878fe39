"""Whether readers agree with each other, and with themselves.

Agreement by chance is taken off in each figure: 0 is chance, 1 is complete. Readers who guess do
not agree, which is what indistinguishable ROIs look like; readers who agree and are wrong share a
belief about what synthetic ROIs look like.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import krippendorff
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

SCALE = (1, 2, 3, 4, 5, 6)
LEVEL = 0.95
RESAMPLES = 300
_KNOWN = 0.9  # of the resamples, below which there is no interval


@dataclass(frozen=True, slots=True)
class Agreed:
    """A figure of agreement.

    Attributes
    ----------
    value : float or None
        None where it cannot be said.
    low, high : float or None
        95 % interval over cases, for these readers (percentiles of a bootstrap).
    """

    value: float | None
    low: float | None
    high: float | None


def fleiss(said_synthetic: NDArray[np.float64]) -> float | None:
    """Return Fleiss' kappa of two answers, over cases that all readers judged.

    Parameters
    ----------
    said_synthetic : (readers, cases) float64
        1, 0, or NaN where not judged.

    Returns
    -------
    float or None
        None with fewer than two readers or two cases, or where all answers are one.
    """
    complete = said_synthetic[:, ~np.isnan(said_synthetic).any(axis=0)].astype(int)
    if min(complete.shape) < 2 or len(np.unique(complete)) < 2:
        return None
    return float(fleiss_kappa(aggregate_raters(complete.T, n_cat=2)[0]))


def weighted_kappa(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return Cohen's kappa of two sets of ratings, with quadratic weights.

    Parameters
    ----------
    first, second : (cases,) float64
        1 to 6, or NaN where not judged.

    Returns
    -------
    float or None
        None with fewer than two cases, or where all ratings are one.
    """
    both = ~(np.isnan(first) | np.isnan(second))
    ratings = first[both].astype(int), second[both].astype(int)
    if np.count_nonzero(both) < 2 or len(np.unique(ratings)) < 2:
        return None
    return float(cohen_kappa_score(*ratings, labels=list(SCALE), weights="quadratic"))


def mean_weighted_kappa(ratings: NDArray[np.float64]) -> float | None:
    """Return the mean of `weighted_kappa` over all pairs of readers (readers, cases)."""
    found = [
        weighted_kappa(ratings[a], ratings[b]) for a, b in combinations(range(len(ratings)), 2)
    ]
    known = [one for one in found if one is not None]
    return float(np.mean(known)) if known else None


def pairwise_kappa(ratings: NDArray[np.float64]) -> float | None:
    """Return what `mean_weighted_kappa` does, in one go for resamples.

    With quadratic weights, Cohen's kappa is one less the mean squared difference of two readers
    over what it would be if their ratings had nothing to do with each other.
    """
    found = []
    for first, second in combinations(ratings, 2):
        both = ~(np.isnan(first) | np.isnan(second))
        a, b = first[both], second[both]
        if len(a) >= 2 and (by_chance := a.var() + b.var() + (a.mean() - b.mean()) ** 2) > 0:
            found.append(1 - ((a - b) ** 2).mean() / by_chance)
    return float(np.mean(found)) if found else None


def agreed(
    value: float | None,
    figure: Callable[[NDArray[np.float64]], float | None],
    ratings: NDArray[np.float64],
    seed: int = 0,
) -> Agreed:
    """Return a figure of agreement with its interval.

    Parameters
    ----------
    value : float or None
    figure : callable
        Of ratings (readers, cases).
    ratings : (readers, cases) float64
    seed : int
    """
    rng = np.random.default_rng(seed)
    count = ratings.shape[1]
    if value is None or count < 2:
        return Agreed(value, None, None)
    drawn = [figure(ratings[:, rng.integers(count, size=count)]) for _ in range(RESAMPLES)]
    known = [one for one in drawn if one is not None]
    if len(known) < _KNOWN * RESAMPLES or np.ptp(known) == 0:
        return Agreed(value, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Agreed(value, float(low), float(high))


def alpha(ratings: NDArray[np.float64]) -> float | None:
    """Return Krippendorff's alpha of ordinal ratings; it copes with what was not judged.

    Parameters
    ----------
    ratings : (readers, cases) float64
        1 to 6, or NaN where not judged.

    Returns
    -------
    float or None
        None where no case was judged by two readers, or all ratings are one.
    """
    shared = ratings[:, (~np.isnan(ratings)).sum(axis=0) >= 2]
    if not shared.shape[1] or len(np.unique(shared[~np.isnan(shared)])) < 2:
        return None
    return float(
        krippendorff.alpha(
            reliability_data=shared, level_of_measurement="ordinal", value_domain=list(SCALE)
        )
    )
