"""Kernel distance of feature vectors (KID): unbiased, also in small sets.

.. [1] Binkowski et al., Demystifying MMD GANs, 2018: section 4, kernel ``(x y / d + 1)^3``.

Slices of one ROI resemble each other, so that they are no samples of their own: kernels are
averaged over the slices of two ROIs, pairs within an ROI count nowhere, and what is resampled is
ROIs, or patients. With one vector an ROI this is the full-sample estimate of [1]_.
"""

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.features.extractor import Features
from napari_tumor_synth.evaluation.intervals import percentile_interval, resampled_counts
from napari_tumor_synth.evaluation.kernel_means import unbiased_mmd2

_BLOCK = 4096  # vectors


def kernel_between_rois(synthetic: Features, real: Features) -> NDArray[np.float64]:
    """Return the mean cubic kernel (n + m, n + m) between the vectors of ROIs, synthetic first.

    Raises
    ------
    ValueError
        The vectors are of different lengths.
    """
    vectors = np.concatenate([synthetic.vectors, real.vectors]).astype(np.float32)
    owner = np.concatenate([synthetic.owner, real.owner + synthetic.rois])
    count, length = synthetic.rois + real.rois, vectors.shape[1]
    starts = np.searchsorted(owner, np.arange(count))  # vectors stand in the order of their ROIs
    sums = np.zeros((count, count))
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kernel = (vectors[rows] @ vectors.T / length + 1).astype(np.float64) ** 3
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
    """Return the KID and its 95 % bootstrap interval.

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
    ours = resampled_counts(np.arange(synthetic), rng)
    theirs = resampled_counts(patients, rng)
    drawn = unbiased_mmd2(kernel, _padded(ours, theirs.shape[1], 0), _padded(theirs, 0, synthetic))
    low, high = percentile_interval(drawn[np.isfinite(drawn)])
    everything = np.arange(len(kernel))
    return kernel_distance_of(kernel, everything[:synthetic], everything[synthetic:]), low, high


def kernel_distance_of(
    kernel: NDArray[np.float64], ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> float:
    """Return the KID of some ROIs and others."""
    weights = np.zeros((2, len(kernel)))
    weights[0, ours], weights[1, theirs] = 1, 1
    return float(unbiased_mmd2(kernel, weights[:1], weights[1:])[0])


def _padded(counts: NDArray[np.int64], after: int, before: int) -> NDArray[np.int64]:
    return np.pad(counts, ((0, 0), (before, after)))
