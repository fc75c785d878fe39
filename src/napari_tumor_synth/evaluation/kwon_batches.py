"""The batches of the published MMD (`mmd_kwon`), from inner products."""

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.patient_draws import balanced_order, patient_halves

Indices = NDArray[np.int64]


def batch_sizes(drawn: int, batch: int) -> list[int]:
    """Return the sizes of the batches of a pass; the last may be smaller."""
    rest = drawn % batch
    return [batch] * (drawn // batch) + ([rest] if rest else [])


def pass_value(
    gram: NDArray[np.float64], ours: Indices, theirs: Indices, sizes: list[int]
) -> float:
    """Return the mean over batches of the squared distance of their mean images."""
    ends = np.cumsum(sizes)[:-1]
    batches = zip(np.split(ours, ends), np.split(theirs, ends), strict=True)
    return float(np.mean([_batch_value(gram, one, other) for one, other in batches]))


def _batch_value(gram: NDArray[np.float64], ours: Indices, theirs: Indices) -> float:
    members = np.concatenate([ours, theirs])
    signs = np.repeat([1.0, -1.0], [len(ours), len(theirs)]) / len(ours)
    return float(signs @ gram[np.ix_(members, members)] @ signs)


def floor_value(
    gram: NDArray[np.float64],
    numbers: Indices,
    synthetic: int,
    sizes: list[int],
    rng: np.random.Generator,
) -> float | None:
    """Return a pass of one random half of the real patients against the other.

    Parameters
    ----------
    gram : (n, n) float64
    numbers : (k,) int64
        Of the patient of each real ROI, whose rows follow the synthetic ones.
    synthetic : int
        How many of those there are.
    sizes : list of int
        Of the batches; halves too small for them all are dealt from more than once.
    rng : numpy.random.Generator

    Returns
    -------
    float or None
        None where a half does not fill a batch.
    """
    if numbers.max() < 1:
        return None
    halves = patient_halves(numbers, rng)
    if min(len(half) for half in halves) < sizes[0]:
        return None
    values = []
    one, other = (_Dealer(half, numbers, rng) for half in halves)
    for size in sizes:
        values.append(_batch_value(gram, one.deal(size) + synthetic, other.deal(size) + synthetic))
    return float(np.mean(values))


class _Dealer:
    """Deals ROIs in turns of patients, and shuffles anew when too few are left for a batch."""

    def __init__(self, indices: Indices, numbers: Indices, rng: np.random.Generator) -> None:
        self._indices, self._numbers, self._rng = indices, numbers, rng
        self._left = indices[:0]

    def deal(self, size: int) -> Indices:
        if len(self._left) < size:
            self._left = balanced_order(self._indices, self._numbers, self._rng)
        dealt, self._left = self._left[:size], self._left[size:]
        return dealt
