"""The batch-wise MMD that the papers print, and why it cannot be trusted alone.

.. [1] Kwon et al., Generation of 3D Brain MRI Using Auto-Encoding GANs, 2019: the text after Table
   1 has the formula ``1/B^2 sum(g g' + r r' - 2 g r')``, the code published with it the rest:
   voxels in [-1, 1] are summed, a test is a pass over the real set in random batches of B beside as
   many synthetic ROIs, a last batch that is smaller counts with its own B as much as any other, and
   the figure is the mean over the batches and then over 100 tests.

A batch's value is the squared distance of the two batches' mean images. It is expected to be ::

    |mean(g) - mean(r)|^2 + (spread of g + spread of r) / B

with the total variances as spread. For ROIs of tumours the second term is nearly all of it, so that
a generator that varies less scores better, whatever it shows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_matrix
from napari_tumor_synth.evaluation.intervals import (
    FEWEST_DRAWN,
    numbered,
    percentile_interval,
    resampled_counts,
)
from napari_tumor_synth.evaluation.kernel_means import spread, unbiased_mmd2
from napari_tumor_synth.evaluation.kwon_batches import (
    Indices,
    batch_sizes,
    floor_value,
    pass_value,
)
from napari_tumor_synth.evaluation.patient_draws import balanced_order
from napari_tumor_synth.evaluation.roi_sets import ChosenRois, Image
from napari_tumor_synth.progress import OnProgress, ignore_progress


@dataclass(frozen=True, slots=True)
class KwonMmd:
    """The published MMD beside what it must be read with.

    Attributes
    ----------
    value : float
        Mean over tests; smaller is better as published.
    low, high : float or None
        95 % bootstrap interval over ROIs (or patients) of its expectation; None for fewer than
        three.
    test_sd : float
        Standard deviation of the tests, which the published code prints; it knows nothing of how
        the figure would differ for other patients.
    floor : float or None
        The same figure of real ROIs against other patients' real ROIs, with the same batches: what
        a perfect generator scores. None where a half of the patients does not fill a batch.
    floor_low, floor_high : float or None
        95 % of its tests, each a new random split of the patients.
    collapsed : float
        The same figure of a set in which each sample is the mean of the real ROIs: below the floor,
        though it is total collapse.
    distance_of_means : float
        Unbiased estimate of the first term; may be negative.
    variance_term : float
        The second term, by which the figure depends on B and rewards collapse.
    batch, tests : int
    drawn : int
        ROIs of each set in a test.
    synthetic, real, patients : int
        ROIs, and patients of the real ones.
    """

    value: float
    low: float | None
    high: float | None
    test_sd: float
    floor: float | None
    floor_low: float | None
    floor_high: float | None
    collapsed: float
    distance_of_means: float
    variance_term: float
    batch: int
    tests: int
    drawn: int
    synthetic: int
    real: int
    patients: int

    @property
    def definition(self) -> str:
        """What was computed, in a sentence."""
        return (
            f"biased linear MMD^2 of batches of {self.batch} (Kwon 2019), intensities in [-1, 1] "
            f"summed over voxels, mean over the batches of {self.tests} tests of {self.drawn} "
            "synthetic and as many real ROIs; interval: bootstrap over ROIs, real ones by patient"
        )

    @property
    def reading(self) -> str:
        """Why the figure must not be read alone, in numbers of this data."""
        share = self.variance_term / (self.variance_term + max(self.distance_of_means, 0.0) or 1)
        floor = "" if self.floor is None else f" Real against real ROIs scores {self.floor:.4g}."
        return (
            f"{share:.0%} of the figure is variance within the sets.{floor} A collapsed set, all "
            f"of it the mean real image, scores {self.collapsed:.4g}: lower is not better."
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with definition and reading."""
        return {**asdict(self), "definition": self.definition, "reading": self.reading}


def mmd_kwon(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    *,
    batch: int = 3,
    tests: int = 100,
    seed: int = 0,
    patients: Sequence[str] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> KwonMmd:
    """Measure the batch-wise MMD^2 of synthetic and real ROIs as published [1]_.

    Parameters
    ----------
    synthetic, real : sequence of numpy.ndarray
        ROIs of one shape in [-1, 1]; may load each when it is asked for (see `gram_matrix`).
    batch, tests, seed, patients
        As of `mmd_kwon_of_gram`.
    on_progress : callable
        Called after each ROI loaded; may raise `Cancelled`.

    Raises
    ------
    InputError
        As `gram_matrix` and `mmd_kwon_of_gram`.
    """
    gram = gram_matrix(ChosenRois([synthetic, real]), on_progress=on_progress)
    return mmd_kwon_of_gram(
        gram, len(synthetic), batch=batch, tests=tests, seed=seed, patients=patients
    )


def mmd_kwon_of_gram(
    gram: NDArray[np.float64],
    synthetic: int,
    *,
    batch: int = 3,
    tests: int = 100,
    seed: int = 0,
    patients: Sequence[str] | None = None,
) -> KwonMmd:
    """Measure the batch-wise MMD^2 from inner products.

    Parameters
    ----------
    gram : (n, n) float64
        Of all ROIs, synthetic ones first (`gram_matrix`).
    synthetic : int
        How many those are.
    batch : int
        B: 3 in the 3D-VQGAN paper, 8 in [1]_.
    tests : int
    seed : int
        Decides batches, splits and interval.
    patients : sequence of str, optional
        Whose each real ROI is. Patients take turns in the batches, and the halves of the floor
        share none.

    Raises
    ------
    InputError
        Fewer than two ROIs of a kind or patients, a batch that they do not fill, or no test.
    """
    real = len(gram) - synthetic
    numbers = numbered(patients, max(real, 0))
    drawn = min(synthetic, real)
    if drawn < 2 or not 1 <= batch <= drawn or tests < 1:
        raise InputError(
            f"{tests} tests with batches of {batch} of {synthetic} synthetic and {real} real ROIs "
            "cannot be made.",
            "Give at least two ROIs of each kind, and as many as a batch has.",
        )
    if numbers.max() == 0:
        raise InputError("All real ROIs are of one patient.", "Give at least two patients.")
    rng = np.random.default_rng(seed)
    # One more row: the mean of the real ROIs, as a sample of a collapsed generator.
    extended = _with_mean(gram, synthetic)
    mean, ours, theirs = len(gram), np.arange(synthetic), np.arange(synthetic, len(gram))
    owners = np.concatenate([np.arange(synthetic), numbers, [0]])
    sizes = batch_sizes(drawn, batch)
    values, collapsed, floors = np.empty(tests), np.empty(tests), []
    for test in range(tests):
        chosen = balanced_order(theirs, owners, rng)[:drawn]
        values[test] = pass_value(extended, rng.permutation(ours)[:drawn], chosen, sizes)
        collapsed[test] = pass_value(extended, np.full(drawn, mean), chosen, sizes)
        floors.append(floor_value(extended, numbers, synthetic, sizes, rng))
    smaller = float(np.mean(1 / np.array(sizes)))
    own, other = (np.zeros((1, len(gram))) for _ in range(2))
    own[:, :synthetic] = other[:, synthetic:] = 1
    drawn_ours, drawn_theirs = _resampled(synthetic, numbers, rng)
    whose = np.concatenate([np.arange(synthetic), synthetic + numbers])
    expected = _expected(gram, drawn_ours, drawn_theirs, smaller, whose)
    low, high = _interval(expected, min(synthetic, int(numbers.max()) + 1))
    floor = None if None in floors else np.array(floors, np.float64)
    ends = (None, None) if floor is None else percentile_interval(floor)
    return KwonMmd(
        value=float(values.mean()),
        low=low,
        high=high,
        test_sd=float(values.std()),
        floor=None if floor is None else float(floor.mean()),
        floor_low=ends[0],
        floor_high=ends[1],
        collapsed=float(collapsed.mean()),
        distance_of_means=float(unbiased_mmd2(gram, own, other, whose)[0]),
        variance_term=float((spread(gram, own) + spread(gram, other, whose))[0] * smaller),
        batch=batch,
        tests=tests,
        drawn=drawn,
        synthetic=synthetic,
        real=real,
        patients=int(numbers.max()) + 1,
    )


def _expected(
    gram: NDArray[np.float64],
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
    smaller: float,
    owners: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the expectation of a test, once a weighting."""
    variances = spread(gram, ours) + spread(gram, theirs, owners)
    return unbiased_mmd2(gram, ours, theirs, owners) + smaller * variances


def _interval(
    expected: NDArray[np.float64], fewest: int
) -> tuple[float, float] | tuple[None, None]:
    if fewest < FEWEST_DRAWN:
        return None, None
    return percentile_interval(expected[np.isfinite(expected)])


def _resampled(
    synthetic: int, numbers: Indices, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ours = resampled_counts(np.arange(synthetic), rng)
    theirs = resampled_counts(numbers, rng)
    return np.pad(ours, ((0, 0), (0, len(numbers)))), np.pad(theirs, ((0, 0), (synthetic, 0)))


def _with_mean(gram: NDArray[np.float64], synthetic: int) -> NDArray[np.float64]:
    row = gram[synthetic:].mean(axis=0)
    return np.block([[gram, row[:, None]], [row, row[synthetic:].mean()]])
