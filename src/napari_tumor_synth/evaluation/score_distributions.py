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
    median_difference, low, high : float
        First less second, with its 95 % bootstrap interval (patients are drawn).
    mann_whitney_p, ks_p : float
        Two-sided.
    superiority : float
        Probability that one of the first is more similar than one of the second; 0.5 when alike.
    n_first, n_second : int
    """

    first: str
    second: str
    median_difference: float
    low: float
    high: float
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
        Of the bootstrap.
    """
    low, high = bootstrap_interval(_median_difference, [one, other], [None, owners], seed)
    return Comparison(
        first=first,
        second=second,
        median_difference=_median_difference(one, other),
        low=low,
        high=high,
        mann_whitney_p=float(mannwhitneyu(one, other).pvalue),
        ks_p=float(ks_2samp(one, other).pvalue),
        superiority=auc(one, other),
        n_first=len(one),
        n_second=len(other),
    )


def _median_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.median(one) - np.median(other))
