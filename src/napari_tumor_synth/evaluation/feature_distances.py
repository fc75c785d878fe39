"""FID and KID in each view, beside what real ROIs of other patients reach with as many ROIs."""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor, Features, View
from napari_tumor_synth.evaluation.frechet import frechet_distance
from napari_tumor_synth.evaluation.gram import features_of_one_space
from napari_tumor_synth.evaluation.intervals import (
    FEWEST_DRAWN,
    numbered,
    percentile_interval,
)
from napari_tumor_synth.evaluation.kernel_distance import (
    FEWEST_VECTORS,
    SubsetDistance,
    kernel_between_rois,
    kernel_distance,
    kernel_distance_of,
    subset_kernel_distance,
)
from napari_tumor_synth.evaluation.patient_draws import (
    balanced_order,
    patient_halves,
    smallest_half,
)
from napari_tumor_synth.processors import worker_count

FID_SPLITS, KID_SPLITS = 5, 100
FEWEST_PATIENTS = 4
"""Of which halves hold two each."""
_WORKERS = 4  # each copies the vectors of two sets


@dataclass(frozen=True, slots=True)
class FeatureDistance:
    """Distances of a synthetic set from a real one, by one extractor in one view.

    Attributes
    ----------
    extractor : str
        Name; never leave it out where a figure is shown.
    view : str
    fid : float
        Of all ROIs; depends on their number.
    fid_matched, fid_floor : float or None
        Mean over random splits of the patients: `drawn` synthetic ROIs, and as many real ones of
        other patients, against the same real ROIs. Compare these two. None where there are too few
        patients to split.
    fid_floor_low, fid_floor_high : float or None
        Range of the splits.
    kid, kid_low, kid_high : float
        Of all ROIs, with the 95 % bootstrap interval over ROIs and patients; NaN for fewer than
        three of either.
    kid_floor_low, kid_floor_high : float or None
        95 % of the KID between random halves of the real patients.
    kid_subsets, kid_subsets_low, kid_subsets_high : float or None
        As other programs print it: the mean over subsets of vectors and 95 % of those subsets. See
        `subset_kernel_distance`.
    subset : int
        Vectors of each set in a subset; 0 where there are too few.
    drawn : int
        0 where nothing could be split.
    synthetic, real, patients : int
        ROIs, and patients of the real ones.
    synthetic_vectors, real_vectors : int
        Slices, or ROIs.
    dimensions : int
        Numbers in a vector.
    sees, description, sha256 : str
        Of the extractor.
    note : str
        What could not be had, and why; empty where nothing is missing.
    """

    extractor: str
    view: str
    fid: float
    fid_matched: float | None
    fid_floor: float | None
    fid_floor_low: float | None
    fid_floor_high: float | None
    kid: float
    kid_low: float
    kid_high: float
    kid_floor_low: float | None
    kid_floor_high: float | None
    kid_subsets: float | None
    kid_subsets_low: float | None
    kid_subsets_high: float | None
    subset: int
    drawn: int
    synthetic: int
    real: int
    patients: int
    synthetic_vectors: int
    real_vectors: int
    dimensions: int
    sees: str
    description: str
    sha256: str
    note: str

    def as_json(self) -> dict[str, Any]:
        """Return names and all fields as plain values; what is not finite becomes None."""
        fields = {"fid_name": self.named("FID"), "kid_name": self.named("KID"), **asdict(self)}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in fields.items()
        }

    def named(self, figure: str) -> str:
        """Return a figure's full name, e.g. ``FID (EfficientNet-Lite0, axial, ...)``."""
        seen = (self.view, self.sees) if self.view != "volume" else (self.sees,)
        return f"{figure} ({', '.join((self.extractor, *seen))})"


def compare_features(
    extractor: FeatureExtractor,
    view: View,
    synthetic: Features,
    real: Features,
    *,
    patients: Sequence[str] | None = None,
    seed: int = 0,
) -> FeatureDistance:
    """Measure FID and KID.

    Parameters
    ----------
    extractor : FeatureExtractor
    view : str
    synthetic, real : Features
        At least two ROIs each.
    patients : sequence of str, optional
        Whose each real ROI is.
    seed : int
        Decides splits and intervals.

    Raises
    ------
    InputError
        Features of different lengths or not of numbers, or fewer than two ROIs of a kind.
    """
    if min(synthetic.rois, real.rois) < 2:
        raise InputError(
            f"{synthetic.rois} synthetic and {real.rois} real ROIs are too few for a distance.",
            "Give at least two of each.",
        )
    features_of_one_space(synthetic.vectors, real.vectors)
    numbers = numbered(patients, real.rois)
    owners = int(numbers.max()) + 1
    drawn = min(synthetic.rois, smallest_half(numbers)) if owners >= FEWEST_PATIENTS else 0
    rng = np.random.default_rng(seed)
    kid_floor: list[float] = []
    matched: list[Future[float]] = []
    floor: list[Future[float]] = []
    # one thread of linear algebra each: several wait for each other, and may round differently
    with threadpool_limits(1), ThreadPoolExecutor(min(_WORKERS, worker_count())) as pool:
        whole = pool.submit(frechet_distance, synthetic.vectors, real.vectors)
        kernel = kernel_between_rois(synthetic, real)
        kernel_owners = np.concatenate([np.arange(synthetic.rois), synthetic.rois + numbers])
        kid, kid_low, kid_high = kernel_distance(kernel, synthetic.rois, numbers, rng)
        for split in range(KID_SPLITS if drawn else 0):
            here, there = (
                balanced_order(half, numbers, rng)[:drawn] for half in patient_halves(numbers, rng)
            )
            kid_floor.append(
                kernel_distance_of(
                    kernel, there + synthetic.rois, here + synthetic.rois, kernel_owners
                )
            )
            if split < FID_SPLITS:
                chosen = rng.permutation(synthetic.rois)[:drawn]
                matched.append(pool.submit(_fid, synthetic, chosen, real, here))
                floor.append(pool.submit(_fid, real, there, real, here))
        subsets = _subsets(synthetic, real, rng)
        fid, fid_matched, fid_floor = (
            [future.result() for future in futures] for futures in ([whole], matched, floor)
        )
    known = [one for one in kid_floor if np.isfinite(one)]  # of more than one patient a half
    kid_low_high = percentile_interval(known) if known else (None, None)
    return FeatureDistance(
        extractor=extractor.name,
        view=view,
        fid=fid[0],
        fid_matched=float(np.mean(fid_matched)) if drawn else None,
        fid_floor=float(np.mean(fid_floor)) if drawn else None,
        fid_floor_low=min(fid_floor, default=None),
        fid_floor_high=max(fid_floor, default=None),
        kid=kid,
        kid_low=kid_low,
        kid_high=kid_high,
        kid_floor_low=kid_low_high[0],
        kid_floor_high=kid_low_high[1],
        kid_subsets=subsets.mean if subsets else None,
        kid_subsets_low=subsets.low if subsets else None,
        kid_subsets_high=subsets.high if subsets else None,
        subset=subsets.size if subsets else 0,
        drawn=drawn,
        synthetic=synthetic.rois,
        real=real.rois,
        patients=owners,
        synthetic_vectors=len(synthetic.vectors),
        real_vectors=len(real.vectors),
        dimensions=synthetic.vectors.shape[1],
        sees=extractor.sees,
        description=extractor.description,
        sha256=extractor.sha256,
        note=_note(drawn, synthetic.rois, real.rois, owners),
    )


def _fid(
    ours: Features, chosen: NDArray[np.int64], theirs: Features, others: NDArray[np.int64]
) -> float:
    return frechet_distance(ours.of(chosen), theirs.of(others))


def _subsets(
    synthetic: Features, real: Features, rng: np.random.Generator
) -> SubsetDistance | None:
    fewest = min(len(synthetic.vectors), len(real.vectors))
    return subset_kernel_distance(synthetic, real, rng) if fewest >= FEWEST_VECTORS else None


def _note(drawn: int, synthetic: int, real: int, patients: int) -> str:
    """Say what is missing."""
    said = []
    if not drawn:
        said.append(
            f"No real-vs-real floor: {real} real ROIs of {patients} patients cannot be split into "
            f"halves of different patients (at least {FEWEST_PATIENTS} patients)."
        )
    elif drawn < synthetic:
        said.append(
            f"The floor is of {drawn} ROIs, not of {synthetic}: a half of the {patients} real "
            "patients has no more; compare it with the matched figure."
        )
    if min(synthetic, patients) < FEWEST_DRAWN:
        said.append(f"No interval of the KID: it takes {FEWEST_DRAWN} synthetic ROIs and patients.")
    return " ".join(said)
