"""Whether the mean of several readers is within a margin of guessing."""

from scipy.stats import norm, t

from napari_tumor_synth.study.statistics.obuchowski_rockette import Estimate


def equivalence(estimate: Estimate, margin: float) -> float | None:
    """Return the p-value that a mean is within a margin of its reference; None without an error.

    Two one-sided tests with the estimate's own standard error and degrees of freedom: readers and
    cases are as random as they are there.

    Parameters
    ----------
    estimate : Estimate
    margin : float
        More than 0.
    """
    away = abs(estimate.value - estimate.reference)
    if estimate.standard_error == 0:
        return None
    spread = norm if estimate.degrees == float("inf") else t(estimate.degrees)
    return float(spread.sf((margin - away) / estimate.standard_error))
