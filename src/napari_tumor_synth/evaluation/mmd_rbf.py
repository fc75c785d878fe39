"""Unbiased MMD^2 with a Gaussian kernel, tested by permutation: 0 for equal distributions.

Unlike the published linear figure (`mmd_kwon`) it sees more than the mean image, does not depend on
a batch size, and does not reward collapse. Every patient counts once: ROIs of one patient are
represented by the mean of their kernel values, so that permutations and resamples are of patients.

.. [1] Gretton et al., A Kernel Two-Sample Test, 2012: equation 3 (estimator), section 8 (median
   heuristic for the bandwidth).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import (
    features_of_one_space,
    gram_matrix,
    gram_of_features,
    median_distance,
    squared_distances,
)
from napari_tumor_synth.evaluation.intervals import (
    RESAMPLES,
    numbered,
    percentile_interval,
    resampled_counts,
)
from napari_tumor_synth.evaluation.kernel_means import unbiased_mmd2
from napari_tumor_synth.evaluation.roi_sets import ChosenRois, Image
from napari_tumor_synth.progress import OnProgress, ignore_progress


@dataclass(frozen=True, slots=True)
class RbfMmd:
    """Unbiased MMD^2 with a Gaussian kernel ``exp(-d^2 / (2 bandwidth^2))``.

    Attributes
    ----------
    value : float
        0 is expected of equal distributions, so that it may be negative; at most 2.
    low, high : float
        95 % bootstrap interval over patients (and over synthetic ROIs).
    p_value : float
        Of the permutation test that real and synthetic ROIs are drawn alike.
    floor_low, floor_high : float or None
        95 % of the figure between random halves of the real patients; None with fewer than four.
    bandwidth : float
        In units of the distances; fixed before the permutations.
    permutations : int
    synthetic, real : int
        ROIs.
    synthetic_patients, patients : int
        What was permuted and drawn: patients, or ROIs where none are named.
    space : str
        ``"voxels"`` or ``"features"``.
    """

    value: float
    low: float
    high: float
    p_value: float
    floor_low: float | None
    floor_high: float | None
    bandwidth: float
    permutations: int
    synthetic: int
    real: int
    synthetic_patients: int
    patients: int
    space: str

    @property
    def definition(self) -> str:
        """What was computed, in a sentence."""
        return (
            f"unbiased MMD^2 of {self.space} with a Gaussian kernel of bandwidth "
            f"{self.bandwidth:.4g} (median heuristic unless given), every patient once; p of "
            f"{self.permutations} permutations, interval by bootstrap, of patients"
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with the definition."""
        return {**asdict(self), "definition": self.definition}


def mmd_rbf(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    *,
    patients: Sequence[str] | None = None,
    bandwidth: float | None = None,
    permutations: int = 1000,
    seed: int = 0,
    on_progress: OnProgress = ignore_progress,
) -> RbfMmd:
    """Measure the MMD^2 of the voxels of synthetic and real ROIs.

    Parameters
    ----------
    synthetic, real : sequence of numpy.ndarray
        ROIs of one shape in [-1, 1]; may load each when it is asked for (see `gram_matrix`).
    patients, bandwidth, permutations, seed
        As of `mmd_rbf_of_gram`.
    on_progress : callable
        Called after each ROI loaded; may raise `Cancelled`.

    Raises
    ------
    InputError
        As `gram_matrix` and `mmd_rbf_of_gram`.
    """
    return mmd_rbf_of_gram(
        gram_matrix(ChosenRois([synthetic, real]), on_progress=on_progress),
        len(synthetic),
        patients=patients,
        bandwidth=bandwidth,
        permutations=permutations,
        seed=seed,
    )


def mmd_rbf_of_features(
    synthetic: NDArray[np.floating[Any]],
    real: NDArray[np.floating[Any]],
    *,
    patients: Sequence[str] | None = None,
    bandwidth: float | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> RbfMmd:
    """Measure the MMD^2 of feature vectors (n, d); see `mmd_rbf_of_gram`.

    Raises
    ------
    InputError
        Vectors of different lengths or not of numbers, or as `mmd_rbf_of_gram`.
    """
    ours, theirs = features_of_one_space(synthetic, real)
    return mmd_rbf_of_gram(
        gram_of_features(np.concatenate([ours, theirs])),
        len(ours),
        patients=patients,
        bandwidth=bandwidth,
        permutations=permutations,
        seed=seed,
        space="features",
    )


def mmd_rbf_of_gram(
    gram: NDArray[np.float64],
    synthetic: int,
    *,
    patients: Sequence[str] | None = None,
    synthetic_patients: Sequence[str] | None = None,
    bandwidth: float | None = None,
    permutations: int = 1000,
    seed: int = 0,
    space: str = "voxels",
) -> RbfMmd:
    """Measure the MMD^2 from inner products.

    Parameters
    ----------
    gram : (n, n) float64
        Of all items, synthetic ones first.
    synthetic : int
        How many those are.
    patients, synthetic_patients : sequence of str, optional
        Whose each real, and each synthetic, item is (a synthetic one may be made from a patient).
    bandwidth : float, optional
        The median distance of all different items when not given; give one to compare generators.
    permutations : int
    seed : int
        Decides permutations and interval.
    space : str
        What the items are, for the definition.

    Raises
    ------
    InputError
        Fewer than two items or patients of a kind, all items the same, or a bandwidth of 0.
    """
    real = len(gram) - synthetic
    if synthetic < 2 or real < 2 or permutations < 1:
        raise InputError(
            f"{synthetic} synthetic and {real} real ROIs cannot be compared in {permutations} "
            "permutations.",
            "Give at least two of each kind, and ask for at least one permutation.",
        )
    distances = squared_distances(gram)
    bandwidth = median_distance(distances) if bandwidth is None else bandwidth
    if not bandwidth > 0:
        raise InputError(f"A bandwidth of {bandwidth:g}.", "Give one above 0.")
    ours, theirs = numbered(synthetic_patients, synthetic), numbered(patients, real)
    groups = np.concatenate([ours, theirs + ours.max() + 1])
    kernel = _mean_by_group(np.exp(distances / (-2 * bandwidth**2)), groups)
    count = int(ours.max()) + 1  # of synthetic groups
    if min(count, len(kernel) - count) < 2:
        raise InputError("All ROIs of a kind are of one patient.", "Give at least two patients.")
    rng = np.random.default_rng(seed)
    value = float(_of_labels(kernel, _labels(1, count, len(kernel)))[0])
    shuffled = rng.permuted(_labels(permutations, count, len(kernel)), axis=1)
    reached = int((_of_labels(kernel, shuffled) >= value - 1e-12).sum())
    draws = np.zeros((2, RESAMPLES, len(kernel)))
    draws[0, :, :count] = resampled_counts(np.arange(count), rng, RESAMPLES)
    draws[1, :, count:] = resampled_counts(np.arange(len(kernel) - count), rng, RESAMPLES)
    resampled = unbiased_mmd2(kernel, draws[0], draws[1])
    low, high = percentile_interval(resampled[np.isfinite(resampled)])
    floor = _floor(kernel[count:, count:], permutations, rng)
    return RbfMmd(
        value=value,
        low=low,
        high=high,
        p_value=(reached + 1) / (permutations + 1),
        floor_low=None if floor is None else floor[0],
        floor_high=None if floor is None else floor[1],
        bandwidth=float(bandwidth),
        permutations=permutations,
        synthetic=synthetic,
        real=real,
        synthetic_patients=count,
        patients=len(kernel) - count,
        space=space,
    )


def _mean_by_group(kernel: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    members = np.eye(int(groups.max()) + 1)[groups].T
    members /= members.sum(axis=1, keepdims=True)
    means: NDArray[np.float64] = members @ kernel @ members.T
    return means


def _labels(rows: int, synthetic: int, count: int) -> NDArray[np.float64]:
    return np.tile((np.arange(count) < synthetic).astype(np.float64), (rows, 1))


def _of_labels(kernel: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    return unbiased_mmd2(kernel, labels, 1 - labels)


def _floor(
    kernel: NDArray[np.float64], splits: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    if len(kernel) < 4:
        return None
    labels = rng.permuted(_labels(splits, len(kernel) // 2, len(kernel)), axis=1)
    return percentile_interval(_of_labels(kernel, labels))
