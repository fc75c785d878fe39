"""Whether readers agree with each other, and with themselves.

Agreement by chance is taken off in each figure: 0 is chance, 1 is complete. Readers who guess do
not agree, which is what indistinguishable ROIs look like; readers who agree and are wrong share a
belief about what synthetic ROIs look like.
"""

from itertools import combinations

import krippendorff
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

SCALE = (1, 2, 3, 4, 5, 6)


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
