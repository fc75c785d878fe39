"""Random pairs of ROIs, none of one patient."""

import math

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError

_LISTED = 2_000_000  # pairs that are all looked at; of more, random ones are


def draw_pairs(
    count: int,
    pairs: int,
    rng: np.random.Generator,
    patients: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Draw different unordered pairs ``(n, 2)``, first < second, uniformly; sorted.

    Parameters
    ----------
    count : int
        Items there are.
    pairs : int
        Pairs wanted; all there are if there are fewer.
    rng : numpy.random.Generator
        Where they are drawn from.
    patients : (count,) int64, optional
        Whose each item is; pairs of one patient are left out.

    Raises
    ------
    InputError
        All items are of one patient.
    """
    everything = math.comb(count, 2)
    owners = np.arange(count) if patients is None else patients
    allowed = everything - sum(math.comb(times, 2) for times in np.bincount(owners).tolist())
    if not allowed:
        raise InputError(
            f"All {count} ROIs are of one patient.", "Give ROIs of at least two patients."
        )
    if allowed == everything and pairs < everything:
        return _pairs_at(np.sort(rng.choice(everything, pairs, replace=False)), count)
    if everything > _LISTED and pairs <= allowed // 2:
        return _pairs_at(_tried(everything, pairs, rng, owners), count)
    numbers = np.arange(everything)
    numbers = numbers[_are_allowed(numbers, owners)]
    if pairs < allowed:
        numbers = numbers[np.sort(rng.choice(allowed, pairs, replace=False))]
    return _pairs_at(numbers, count)


def _pairs_at(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return pairs by their numbers, in the order of `itertools.combinations`."""
    sizes = np.arange(count - 1, 0, -1)  # pairs that begin with each item
    ends = np.cumsum(sizes)
    first = np.searchsorted(ends, numbers, side="right")
    second = numbers - (ends - sizes)[first] + first + 1
    return np.stack([first, second], axis=1)


def _are_allowed(numbers: NDArray[np.int64], owners: NDArray[np.int64]) -> NDArray[np.bool_]:
    first, second = owners[_pairs_at(numbers, len(owners)).T]
    different: NDArray[np.bool_] = first != second
    return different


def _tried(
    everything: int, pairs: int, rng: np.random.Generator, owners: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draw numbers of pairs until enough of them are allowed."""
    found = np.empty(0, np.int64)
    while len(found) < pairs:
        tried = rng.integers(everything, size=2 * pairs)
        tried = np.concatenate([found, tried[_are_allowed(tried, owners)]])
        found = tried[np.sort(np.unique(tried, return_index=True)[1])]  # in the order they came
    return np.sort(found[:pairs])
