"""How one distribution of similarity differs from another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, mannwhitneyu

from napari_tumor_synth.evaluation.measured import bootstrap_interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two distributions of nearest scores.

    Attributes
    ----------
    first, second : str
        Of what.
    median_difference : float
        First less second.
    low, high : float or None
        Its 95 % bootstrap interval (patients are drawn); None for fewer than three.
    mann_whitney_p, ks_p : float
        Two-sided; of one ROI of each patient, drawn at random, for those of one patient resemble
        each other.
    superiority : float
        Probability that one of the first is more similar than one of the second; 0.5 when alike.
    n_first, n_second : int
    """

    first: str
    second: str
    median_difference: float
    low: float | None
    high: float | None
    mann_whitney_p: float
    ks_p: float
    superiority: float
    n_first: int
    n_second: int


def auc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """Return the probability that one of the first is above one of the second; ties count half."""
    pairs = len(higher) * len(lower)
    return float(mannwhitneyu(higher, lower, method="asymptotic").statistic) / pairs


def compare_distributions(
    first: str,
    one: NDArray[np.float64],
    second: str,
    other: NDArray[np.float64],
    owners: Sequence[str],
    seed: int = 0,
) -> Comparison:
    """Compare the scores of synthetic ROIs with those of real ones.

    Parameters
    ----------
    first, second : str
        Names of the distributions.
    one, other : (n,), (m,) float64
    owners : sequence of str
        The patient of each of the second.
    seed : int
        Of the bootstrap, and of the ROIs that are tested.
    """
    alone = other[_one_each(owners, np.random.default_rng(seed))]
    low, high = bootstrap_interval(_median_difference, [one, other], [None, owners], seed)
    return Comparison(
        first=first,
        second=second,
        median_difference=_median_difference(one, other),
        low=low,
        high=high,
        mann_whitney_p=float(mannwhitneyu(one, alone).pvalue),
        ks_p=float(ks_2samp(one, alone).pvalue),
        superiority=auc(one, other),
        n_first=len(one),
        n_second=len(other),
    )


def _one_each(owners: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return where one value of each owner stands."""
    order = rng.permutation(len(owners))
    chosen: NDArray[np.int64] = np.sort(order[np.unique(np.array(owners)[order], True)[1]])
    return chosen


def _median_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.median(one) - np.median(other))
