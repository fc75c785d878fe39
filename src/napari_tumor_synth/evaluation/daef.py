"""DAEF: distance of the mean autoencoder features of real and synthetic ROIs.

.. [1] Ge et al., Enlarged Training Dataset by Pairwise GANs for Molecular-Based Brain Tumor
   Classification, 2020: section III.E.2 and Table 6 (no equation): "the Euclidean distance between
   centroids of the feature space", on the whole image and on the tumour region only. There the
   features are 512 globally max-pooled channels of a convolutional autoencoder of 2D slices with
   four sequences; here they are given. Figures of different features cannot be compared, and the
   values in [1]_ are none to reach.

The distance of two finite sets is above 0 even if both are drawn alike, hence the floor.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import features_of_one_space
from napari_tumor_synth.evaluation.intervals import numbered, percentile_interval, resampled_counts
from napari_tumor_synth.evaluation.patient_draws import (
    balanced_order,
    patient_halves,
    smallest_half,
)

Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Daef:
    """Distance of centroids; smaller is better, and the floor is as good as real ROIs are.

    Attributes
    ----------
    value : float
    low, high : float
        95 % bootstrap interval over ROIs (or patients). Resampling adds the noise of the centroids
        once more, which lengthens distances: the squared ones are moved back so that their mean is
        the square of `value`.
    matched, matched_low, matched_high : float
        Mean and 95 % range of the distance of `drawn` synthetic ROIs and as many real ones of other
        patients, over random halves of the patients.
    floor, floor_low, floor_high : float
        The same of `drawn` real ROIs in the place of the synthetic ones: compare with `matched`.
    drawn, splits : int
    synthetic, real, patients : int
    paired : bool
        Whether ROI i of both sets is of one patient.
    """

    value: float
    low: float
    high: float
    matched: float
    matched_low: float
    matched_high: float
    floor: float
    floor_low: float
    floor_high: float
    drawn: int
    splits: int
    synthetic: int
    real: int
    patients: int
    paired: bool

    @property
    def definition(self) -> str:
        """What was computed, in a sentence."""
        pairs = "pairs" if self.paired else "both sets"
        return (
            "DAEF: Euclidean distance of the centroids of given features (Ge 2020), interval by "
            f"bootstrap of {pairs}; floor: halves of the real patients, {self.drawn} ROIs each"
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with the definition."""
        return {**asdict(self), "definition": self.definition}


def daef(synthetic: NDArray[np.floating[Any]], real: NDArray[np.floating[Any]]) -> float:
    """Return the distance of the centroids of feature vectors, (n, d) and (m, d), as in [1]_.

    Raises
    ------
    InputError
        Vectors of different lengths, none, or not of numbers.
    """
    ours, theirs = features_of_one_space(synthetic, real)
    return _distance(ours, theirs)


def measure_daef(
    synthetic: NDArray[np.floating[Any]],
    real: NDArray[np.floating[Any]],
    *,
    paired: bool = False,
    patients: Sequence[str] | None = None,
    splits: int = 100,
    seed: int = 0,
) -> Daef:
    """Measure the distance of the centroids with its interval and floor.

    Parameters
    ----------
    synthetic, real : (n, d), (m, d)
        A vector a row, of one extractor; of whole images or of `tumour_region`.
    paired : bool
        Row i of both is of one patient: pairs are drawn together.
    patients : sequence of str, optional
        Whose each real row is.
    splits : int
        Random halves of the patients that the floor comes from.
    seed : int
        Decides interval and floor.

    Raises
    ------
    InputError
        As `daef`, fewer than two ROIs of a kind or real patients, or paired sets of different
        sizes.
    """
    ours, theirs = features_of_one_space(synthetic, real)
    numbers = numbered(patients, len(theirs))
    _require_enough(len(ours), len(theirs), int(numbers.max()) + 1, splits, paired=paired)
    rng = np.random.default_rng(seed)
    their_counts = resampled_counts(numbers, rng)
    our_counts = their_counts if paired else resampled_counts(np.arange(len(ours)), rng)
    gaps = _centroids(our_counts, ours) - _centroids(their_counts, theirs)
    value, squares = _distance(ours, theirs), np.square(gaps).sum(axis=1)
    low, high = np.sqrt(np.maximum(percentile_interval(squares - squares.mean() + value**2), 0))
    drawn = min(len(ours), smallest_half(numbers))
    matched, floor = np.empty(splits), np.empty(splits)
    for split in range(splits):
        here, there = (
            balanced_order(half, numbers, rng)[:drawn] for half in patient_halves(numbers, rng)
        )
        chosen = there if paired else rng.permutation(len(ours))[:drawn]
        matched[split] = _distance(ours[chosen], theirs[here])
        floor[split] = _distance(theirs[there], theirs[here])
    return Daef(
        value,
        float(low),
        float(high),
        float(matched.mean()),
        *percentile_interval(matched),
        float(floor.mean()),
        *percentile_interval(floor),
        drawn=drawn,
        splits=splits,
        synthetic=len(ours),
        real=len(theirs),
        patients=int(numbers.max()) + 1,
        paired=paired,
    )


def tumour_region(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an image (C, S, A, R) that is background, -1, outside a mask (S, A, R).

    Raises
    ------
    InputError
        Another grid, or an empty mask.
    """
    if mask.shape != image.shape[-3:]:
        raise InputError(
            f"The image {image.shape} and its mask {mask.shape} differ in shape.",
            "Give both on one grid.",
        )
    if not mask.any():
        raise InputError("The mask is empty.", "Choose an ROI whose mask is not empty.")
    return np.where(mask, image, -1).astype(np.float32)


def _distance(ours: Features, theirs: Features) -> float:
    return float(np.linalg.norm(ours.mean(axis=0) - theirs.mean(axis=0)))


def _centroids(counts: NDArray[np.int64], features: Features) -> Features:
    centroids: Features = counts @ features / counts.sum(axis=1, keepdims=True)
    return centroids


def _require_enough(synthetic: int, real: int, patients: int, splits: int, *, paired: bool) -> None:
    if min(synthetic, real, patients) < 2 or splits < 1:
        raise InputError(
            f"{synthetic} synthetic and {real} real ROIs of {patients} patients are too few for a "
            f"floor of {splits} splits.",
            "Give at least two of each, and ask for at least one split.",
        )
    if paired and synthetic != real:
        raise InputError(
            f"{synthetic} synthetic and {real} real ROIs are no pairs.",
            "Give one synthetic ROI for each real one, in the same order.",
        )
