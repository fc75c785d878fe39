"""Random halves of a set by patient, and orders in which patients take turns.

ROIs of one patient resemble each other: halves that share a patient look more alike than two sets
of patients are, and the first ROIs of a folder may be of a few patients only.
"""

import numpy as np
from numpy.typing import NDArray


def patient_halves(
    numbers: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split ROIs into two random halves that share no patient.

    Parameters
    ----------
    numbers : (n,) int64
        Of the patient that each ROI is of, from 0; at least two patients.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of (k,) int64
        Indices; as many patients in one as in the other, but for an odd one.
    """
    patients = rng.permutation(int(numbers.max()) + 1)
    is_first = np.zeros(len(patients), bool)
    is_first[patients[: (len(patients) + 1) // 2]] = True
    chosen = is_first[numbers]
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def smallest_half(numbers: NDArray[np.int64]) -> int:
    """Return the fewest ROIs that a half of `patient_halves` can hold."""
    each = np.sort(np.bincount(numbers))
    return int(each[: len(each) // 2].sum())


def balanced_order(
    indices: NDArray[np.int64], numbers: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the indices in random order, in which every patient comes once before one comes twice.

    Parameters
    ----------
    indices : (k,) int64
        Which ROIs.
    numbers : (n,) int64
        Of the patient that each ROI is of.
    rng : numpy.random.Generator
    """
    shuffled = rng.permutation(indices)
    owners = numbers[shuffled]
    by_owner = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.diff(owners[by_owner], prepend=-1))
    lengths = np.diff(np.append(starts, len(owners)))
    turn = np.empty(len(owners), np.int64)
    turn[by_owner] = np.arange(len(owners)) - np.repeat(starts, lengths)
    order: NDArray[np.int64] = shuffled[np.argsort(turn, kind="stable")]
    return order
