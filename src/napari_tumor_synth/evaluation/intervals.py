"""Bootstrap of ROIs or, where several come from one patient, of patients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tumor_synth.errors import InputError

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_DRAWN = 3
"""ROIs, or patients, that an interval takes: with two, resampling has nothing to vary."""


def numbered(patients: Sequence[str] | None, count: int) -> NDArray[np.int64]:
    """Return the number (count,) of the patient that each ROI is of; None is one ROI a patient.

    Raises
    ------
    InputError
        Not one patient is named for each ROI.
    """
    if patients is None:
        return np.arange(count)
    if len(patients) != count:
        raise InputError(
            f"{len(patients)} patients are named for {count} ROIs.",
            "Name the patient of every ROI.",
        )
    numbers: NDArray[np.int64] = np.unique(np.asarray(patients), return_inverse=True)[1]
    return numbers


def resampled_counts(
    numbers: NDArray[np.int64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> NDArray[np.int64]:
    """Return how often each ROI is in each resample (resamples, n): patients drawn with all theirs.

    Parameters
    ----------
    numbers : (n,) int64
        Of the patient that each ROI is of, from 0.
    rng : numpy.random.Generator
    resamples : int
    """
    patients = int(numbers.max()) + 1
    times = rng.multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    counts: NDArray[np.int64] = times[:, numbers]
    return counts


def percentile_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the 95 % percentile interval of what was resampled."""
    edge = (1 - LEVEL) / 2
    low, high = np.quantile(np.asarray(values, np.float64), [edge, 1 - edge])
    return float(low), float(high)
