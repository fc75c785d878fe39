"""Several readers, one sample of cases: the analysis of Obuchowski and Rockette.

Readers who read the same cases err together, so that their answers are no independent trials.
Here the spread among readers and the covariances that common cases cause are told apart, and the
mean of readers has an interval for new readers and new cases (with the degrees of freedom of
Hillis), or for these readers and new cases.

.. [1] Obuchowski and Rockette, Hypothesis testing of diagnostic accuracy for multiple readers and
   multiple tests, Communications in Statistics 1995.
.. [2] Hillis, A comparison of denominator degrees of freedom methods for multiple observer ROC
   analysis, Statistics in Medicine 2007.
.. [3] Hillis, A marginal-mean ANOVA approach for analyzing multireader multicase radiological
   imaging data, Statistics in Medicine 2014 (single treatment).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from napari_tumor_synth.study.statistics.figures import Jackknifed

FEWEST_RANDOM_READERS = 5
"""With fewer, readers are those they are: nothing is said of others."""
LEVEL = 0.95
_NO_ERROR = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over readers, or a difference of two.

    Attributes
    ----------
    value, standard_error : float
    degrees : float
        Of freedom; infinite for fixed readers.
    low, high : float or None
        95 % interval; None where nothing varies between cases, so that there is none.
    p_value : float or None
        That it is not the reference, two-sided; None where there is no interval.
    reference : float
    random_readers : bool
        Whether the interval is for new readers, or for these ones.
    """

    value: float
    standard_error: float
    degrees: float
    low: float | None
    high: float | None
    p_value: float | None
    reference: float
    random_readers: bool


@dataclass(frozen=True, slots=True)
class Components:
    """What the spread of figures of merit comes from.

    Attributes
    ----------
    between_readers : float
        Mean square of readers (of one treatment), or of treatment by reader.
    error : float
        Variance of one reader's figure over cases.
    within_treatment : float
        Covariance of two readers under one treatment (``Cov2``).
    across, across_readers : float
        Covariance of one reader under two treatments (``Cov1``), and of two readers (``Cov3``);
        0 with one treatment.
    """

    between_readers: float
    error: float
    within_treatment: float
    across: float = 0.0
    across_readers: float = 0.0


def components(figures: Jackknifed) -> Components:
    """Tell apart what figures of one or two treatments spread by.

    Parameters
    ----------
    figures : Jackknifed
        Without NaN.
    """
    values, covariances = figures.values, figures.covariances
    treatments, readers = values.shape
    same_reader = np.eye(readers, dtype=bool)
    own = [covariances[one, :, one, :] for one in range(treatments)]
    cross = [
        covariances[one, :, other, :]
        for one in range(treatments)
        for other in range(treatments)
        if one != other
    ]
    within = values - values.mean(axis=1, keepdims=True)
    if treatments > 1:
        within = within - (values.mean(axis=0) - values.mean())
    degrees = max((readers - 1) * max(treatments - 1, 1), 1)
    return Components(
        between_readers=float((within**2).sum() / degrees),
        error=_mean([part[same_reader] for part in own]),
        within_treatment=_mean([part[~same_reader] for part in own]),
        across=_mean([part[same_reader] for part in cross]),
        across_readers=_mean([part[~same_reader] for part in cross]),
    )


def mean_of_readers(
    figures: Jackknifed, reference: float = 0.5, *, random_readers: bool | None = None
) -> Estimate:
    """Return the mean of readers under one treatment, against a reference.

    Parameters
    ----------
    figures : Jackknifed
        One treatment, without NaN.
    reference : float
        What guessing gives.
    random_readers : bool, optional
        Whether the interval is for new readers [3]_, or for these ones. By default for new ones
        with at least `FEWEST_RANDOM_READERS`.
    """
    readers = figures.values.shape[1]
    if random_readers is None:
        random_readers = readers >= FEWEST_RANDOM_READERS
    parts = components(figures)
    value = float(figures.values.mean())
    if not random_readers:
        variance = (parts.error + (readers - 1) * parts.within_treatment) / readers
        return _estimate(value, max(variance, 0.0), math.inf, reference, random_readers=False)
    mean_square = parts.between_readers + readers * max(parts.within_treatment, 0.0)
    degrees = _hillis(mean_square, parts.between_readers, readers - 1)
    return _estimate(value, mean_square / readers, degrees, reference, random_readers=True)


def difference(figures: Jackknifed, *, random_readers: bool | None = None) -> Estimate:
    """Return the first treatment's mean less the second's.

    Parameters
    ----------
    figures : Jackknifed
        Two treatments, without NaN.
    random_readers : bool, optional
        See `mean_of_readers`.
    """
    readers = figures.values.shape[1]
    if random_readers is None:
        random_readers = readers >= FEWEST_RANDOM_READERS
    parts = components(figures)
    first, second = figures.values.mean(axis=1)
    common = parts.within_treatment - parts.across_readers
    if not random_readers:
        variance = 2 / readers * (parts.error - parts.across + (readers - 1) * common)
        return _estimate(
            float(first - second), max(variance, 0.0), math.inf, 0.0, random_readers=False
        )
    mean_square = parts.between_readers + readers * max(common, 0.0)
    degrees = _hillis(mean_square, parts.between_readers, readers - 1)
    return _estimate(
        float(first - second), 2 / readers * mean_square, degrees, 0.0, random_readers=True
    )


def _mean(parts: list[NDArray[np.float64]]) -> float:
    return float(np.concatenate(parts).mean()) if parts and parts[0].size else 0.0


def _hillis(mean_square: float, between_readers: float, degrees: int) -> float:
    """Return the degrees of freedom of [2]_."""
    if between_readers <= 0:
        return math.inf
    return mean_square**2 / (between_readers**2 / degrees)


def _estimate(
    value: float, variance: float, degrees: float, reference: float, *, random_readers: bool
) -> Estimate:
    error = math.sqrt(variance)
    if error < _NO_ERROR:  # all answers alike are no certainty
        return Estimate(value, 0.0, degrees, None, None, None, reference, random_readers)
    spread = norm if math.isinf(degrees) else t(degrees)
    half = float(spread.ppf((1 + LEVEL) / 2)) * error
    p_value = 2 * float(spread.sf(abs(value - reference) / error))
    return Estimate(
        value, error, degrees, value - half, value + half, p_value, reference, random_readers
    )
