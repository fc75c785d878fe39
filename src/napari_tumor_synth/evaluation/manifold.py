"""How much of what is generated looks real, and how much of what is real is generated.

.. [1] Kynkaanniemi et al., Improved Precision and Recall Metric for Assessing Generative Models,
   2019: equations 1 and 2.
.. [2] Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020: equations
   on density and coverage in section 3.

All four depend on how many samples there are and on how they are split among patients, so that none
of them is 1 for real against real: the baseline below is what a perfect generator scores.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import features_of_one_space
from napari_tumor_synth.evaluation.intervals import numbered, percentile_interval
from napari_tumor_synth.evaluation.patient_draws import (
    balanced_order,
    patient_halves,
    smallest_half,
)
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

FIGURES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """The four figures of one synthetic and one real set.

    Attributes
    ----------
    precision : float
        Share of synthetic samples that are closer to some real one than its k-th real neighbour is
        [1]_.
    recall : float
        Share of real samples that are closer to some synthetic one than its k-th synthetic
        neighbour is [1]_.
    density : float
        Mean number of real neighbourhoods that a synthetic sample is in, divided by k; may be above
        1 [2]_.
    coverage : float
        Share of real neighbourhoods that hold a synthetic sample [2]_.
    """

    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Matched:
    """A figure over random draws of equal size.

    Attributes
    ----------
    mean, low, high : float
        Over the splits, with the range of 95 % of them.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Manifold:
    """Precision, recall, density and coverage beside those of real against real.

    Attributes
    ----------
    all : Neighbourhoods
        Of all samples there are.
    synthetic : dict of str to Matched
        Figures of `drawn` synthetic samples against as many real ones: random halves of the
        patients. Compare these with `baseline`.
    baseline : dict of str to Matched
        Figures of the other half, as many samples, against the same real ones.
    k : int
        Which neighbour is the edge of a neighbourhood.
    drawn, splits : int
    n_synthetic, n_real, patients : int
    """

    all: Neighbourhoods
    synthetic: dict[str, Matched]
    baseline: dict[str, Matched]
    k: int
    drawn: int
    splits: int
    n_synthetic: int
    n_real: int
    patients: int

    @property
    def definition(self) -> str:
        """What was computed, in a sentence."""
        return (
            f"improved precision and recall (Kynkaanniemi 2019), density and coverage (Naeem 2020) "
            f"of feature vectors, k {self.k}, Euclidean distances; mean and 95 % range of "
            f"{self.splits} random splits of the patients, {self.drawn} synthetic (or other real) "
            f"against {self.drawn} real samples"
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with the definition."""
        return {**asdict(self), "definition": self.definition}


def measure_manifold(
    synthetic: NDArray[np.floating[Any]],
    real: NDArray[np.floating[Any]],
    *,
    k: int = 5,
    splits: int = 100,
    seed: int = 0,
    patients: Sequence[str] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Manifold:
    """Measure how sets of feature vectors cover each other.

    Parameters
    ----------
    synthetic, real : (n, d), (m, d)
        A vector a row, of one extractor.
    k : int
        Neighbours; 3 in [1]_, 5 in [2]_.
    splits : int
        Random halves of the real patients that baseline and ranges come from.
    seed : int
        Decides the splits.
    patients : sequence of str, optional
        Whose each real vector is.
    on_progress : callable
        Called after each split; may raise `Cancelled`.

    Raises
    ------
    InputError
        Vectors of different lengths or not of numbers, k below 1 or not below the number of samples
        of each set, or halves of the real patients that hold too few for k.
    """
    ours, theirs = features_of_one_space(synthetic, real)
    numbers = numbered(patients, len(theirs))
    both = np.concatenate([ours, theirs])
    distances = cdist(both, both)  # by differences: those of copies are exactly 0
    count = len(ours)
    everything = neighbourhoods(distances, np.arange(count), np.arange(count, len(distances)), k)
    rng = np.random.default_rng(seed)
    drawn = min(count, smallest_half(numbers))
    if drawn <= k:
        raise InputError(
            f"A random half of the real patients, and as many synthetic samples, may be {drawn} "
            f"only: too few for {k} neighbours.",
            "Give more samples, or choose a smaller k.",
        )
    rows = np.empty((2, splits, len(FIGURES)))
    for split in range(splits):
        here, there = (
            balanced_order(half, numbers, rng)[:drawn] + count
            for half in patient_halves(numbers, rng)
        )
        chosen = rng.permutation(count)[:drawn]
        for row, members in zip(rows, (chosen, there), strict=True):
            row[split] = _values(neighbourhoods(distances, members, here, k))
        on_progress(Progress(split + 1, splits, "splitting patients"))
    return Manifold(
        all=everything,
        synthetic=_matched(rows[0]),
        baseline=_matched(rows[1]),
        k=k,
        drawn=drawn,
        splits=splits,
        n_synthetic=count,
        n_real=len(theirs),
        patients=int(numbers.max()) + 1,
    )


def neighbourhoods(
    distances: NDArray[np.float64],
    synthetic: NDArray[np.int64],
    real: NDArray[np.int64],
    k: int,
) -> Neighbourhoods:
    """Return the four figures from distances.

    Parameters
    ----------
    distances : (n, n) float64
        Between all samples, or their squares.
    synthetic, real : (m,) int64
        Which those are.
    k : int

    Raises
    ------
    InputError
        k is below 1, or a set has no k-th neighbours.
    """
    if not 1 <= k < min(len(synthetic), len(real)):
        raise InputError(
            f"{len(synthetic)} synthetic and {len(real)} real samples have no neighbour number "
            f"{k}.",
            "Choose k from 1 to one less than there are samples.",
        )
    between = distances[np.ix_(real, synthetic)]
    real_radii, synthetic_radii = (
        # the sample itself is the nearest, at 0
        np.partition(distances[np.ix_(members, members)], k, axis=1)[:, k]
        for members in (real, synthetic)
    )
    within_real = between < real_radii[:, None]
    return Neighbourhoods(
        precision=float(within_real.any(axis=0).mean()),
        recall=float((between < synthetic_radii).any(axis=1).mean()),
        density=float(within_real.sum(axis=0).mean() / k),
        coverage=float((between.min(axis=1) < real_radii).mean()),
    )


def _values(found: Neighbourhoods) -> list[float]:
    return [getattr(found, name) for name in FIGURES]


def _matched(rows: NDArray[np.float64]) -> dict[str, Matched]:
    return {
        name: Matched(float(column.mean()), *percentile_interval(column))
        for name, column in zip(FIGURES, rows.T, strict=True)
    }
