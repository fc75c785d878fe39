"""Kernel distance of feature vectors (KID): unbiased, also in small sets.

.. [1] Binkowski et al., Demystifying MMD GANs, 2018: section 4, kernel ``(x y / d + 1)^3``.

Slices of one ROI resemble each other, so that they are no samples of their own: kernels are
averaged over the slices of two ROIs, pairs within an ROI or a patient count nowhere, and what is
resampled is ROIs, or patients. With one vector an ROI and one ROI a patient this is the full-sample
estimate of [1]_. Other programs print the mean over subsets of all vectors, which
`subset_kernel_distance` is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import Features
from napari_tumor_synth.evaluation.intervals import (
    FEWEST_DRAWN,
    percentile_interval,
    resampled_counts,
)
from napari_tumor_synth.evaluation.kernel_means import unbiased_mmd2

SUBSETS, SUBSET = 100, 1000
"""Subsets, and vectors of each set in one of them, as is usual."""
FEWEST_VECTORS = 4
"""Of a set, so that subsets of two differ."""
_BLOCK = 1024  # vectors


@dataclass(frozen=True, slots=True)
class SubsetDistance:
    """KID as the mean over random subsets of vectors.

    Attributes
    ----------
    mean : float
    low, high : float
        95 % of the subsets; no interval of the mean.
    size : int
        Vectors of each set in a subset.
    """

    mean: float
    low: float
    high: float
    size: int


def kernel_between_rois(synthetic: Features, real: Features) -> NDArray[np.float64]:
    """Return the mean cubic kernel (n + m, n + m) between the vectors of ROIs, synthetic first.

    Raises
    ------
    ValueError
        The vectors are of different lengths.
    """
    vectors = np.concatenate([synthetic.vectors, real.vectors]).astype(np.float64)
    owner = np.concatenate([synthetic.owner, real.owner + synthetic.rois])
    count = synthetic.rois + real.rois
    starts = np.searchsorted(owner, np.arange(count))  # vectors stand in the order of their ROIs
    sums = np.zeros((count, count))
    for rows, kernel in _kernel_rows(vectors):
        np.add.at(sums, owner[rows], np.add.reduceat(kernel, starts, axis=1))
    times = np.bincount(owner, minlength=count).astype(np.float64)
    means: NDArray[np.float64] = sums / np.outer(times, times)
    return means


def kernel_distance(
    kernel: NDArray[np.float64],
    synthetic: int,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return the KID and its 95 % bootstrap interval, which is NaN for fewer than `FEWEST_DRAWN`.

    Parameters
    ----------
    kernel : (n + m, n + m) float64
        Between ROIs, synthetic ones first.
    synthetic : int
        How many those are.
    patients : (m,) int64
        Number of the patient of each real ROI; they are drawn whole.
    rng : numpy.random.Generator
    """
    everything = np.arange(len(kernel))
    owners = np.concatenate([everything[:synthetic], synthetic + patients])
    value = kernel_distance_of(kernel, everything[:synthetic], everything[synthetic:], owners)
    if min(synthetic, int(patients.max()) + 1) < FEWEST_DRAWN:
        return value, float("nan"), float("nan")
    ours = resampled_counts(np.arange(synthetic), rng)
    theirs = resampled_counts(patients, rng)
    drawn = unbiased_mmd2(
        kernel, _padded(ours, theirs.shape[1], 0), _padded(theirs, 0, synthetic), owners
    )
    low, high = percentile_interval(drawn[np.isfinite(drawn)])
    return value, low, high


def kernel_distance_of(
    kernel: NDArray[np.float64],
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
    owners: NDArray[np.int64] | None = None,
) -> float:
    """Return the KID of some ROIs and others; `owners` tells whose each ROI of the kernel is."""
    weights = np.zeros((2, len(kernel)))
    weights[0, ours], weights[1, theirs] = 1, 1
    return float(unbiased_mmd2(kernel, weights[:1], weights[1:], owners)[0])


def subset_kernel_distance(
    synthetic: Features,
    real: Features,
    rng: np.random.Generator,
    *,
    subsets: int = SUBSETS,
    size: int = SUBSET,
) -> SubsetDistance:
    """Return the mean KID over subsets drawn without replacement, [1]_.

    Vectors count as samples of their own here, so that slices of one ROI raise it: no more than a
    figure to lay beside those of other programs.

    Parameters
    ----------
    synthetic, real : Features
    rng : numpy.random.Generator
    subsets, size : int
        How many, of how many vectors of each set; at most half of the smaller set, so that subsets
        differ.

    Raises
    ------
    InputError
        Fewer than four vectors of a set.
    """
    sets = (synthetic.vectors, real.vectors)
    size = min(size, min(map(len, sets)) // 2)
    if min(map(len, sets)) < FEWEST_VECTORS:
        raise InputError(
            f"{len(sets[0])} and {len(sets[1])} feature vectors have no subsets.",
            f"Give at least {FEWEST_VECTORS} of each.",
        )
    vectors = np.concatenate(sets).astype(np.float64)
    ours, theirs = np.zeros((2, subsets, len(vectors)))
    for subset in range(subsets):
        ours[subset, rng.choice(len(sets[0]), size, replace=False)] = 1
        theirs[subset, len(sets[0]) + rng.choice(len(sets[1]), size, replace=False)] = 1
    within, between = np.zeros((2, subsets))
    for rows, kernel in _kernel_rows(vectors):
        ours_here, theirs_here = ours[:, rows] @ kernel, theirs[:, rows] @ kernel
        own = np.diagonal(kernel, offset=rows.start)
        within += (ours_here * ours).sum(axis=1) - ours[:, rows] @ own
        within += (theirs_here * theirs).sum(axis=1) - theirs[:, rows] @ own
        between += (ours_here * theirs).sum(axis=1)
    found = within / (size * (size - 1)) - 2 * between / size**2
    return SubsetDistance(float(found.mean()), *percentile_interval(found), size)


def _kernel_rows(vectors: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield the cubic kernel of some vectors with all of them, block by block."""
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(vectors)))
        base = vectors[rows] @ vectors.T / vectors.shape[1] + 1
        yield rows, base * base * base


def _padded(counts: NDArray[np.int64], after: int, before: int) -> NDArray[np.int64]:
    return np.pad(counts, ((0, 0), (before, after)))
