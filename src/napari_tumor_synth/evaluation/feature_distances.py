"""FID and KID in each view, beside what real ROIs of other patients reach with as many ROIs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor, Features, View
from napari_tumor_synth.evaluation.frechet import frechet_distance
from napari_tumor_synth.evaluation.intervals import numbered, percentile_interval
from napari_tumor_synth.evaluation.kernel_distance import (
    kernel_between_rois,
    kernel_distance,
    kernel_distance_of,
)
from napari_tumor_synth.evaluation.patient_draws import (
    balanced_order,
    patient_halves,
    smallest_half,
)
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

FID_SPLITS, KID_SPLITS = 5, 100


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
        Of all ROIs, with the 95 % bootstrap interval over ROIs and patients.
    kid_floor_low, kid_floor_high : float or None
        95 % of the KID between random halves of the real patients.
    drawn : int
        0 where nothing could be split.
    synthetic, real, patients : int
        ROIs, and patients of the real ones.
    synthetic_vectors, real_vectors : int
        Slices, or ROIs.
    description, sha256 : str
        Of the extractor.
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
    drawn: int
    synthetic: int
    real: int
    patients: int
    synthetic_vectors: int
    real_vectors: int
    description: str
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)


def features_of(
    extractor: FeatureExtractor,
    view: View,
    images: Sequence[NDArray[np.float32]],
    on_progress: OnProgress = ignore_progress,
) -> Features:
    """Return what an extractor sees in ROIs (C, S, A, R) in [-1, 1].

    Raises
    ------
    InputError
        There are none, or one cannot be seen.
    Cancelled
        Raised by `on_progress`.
    """
    if not len(images):
        raise InputError("There is no ROI to look at.", "Give at least one.")
    found = []
    for index in range(len(images)):
        found.append(extractor.extract(images[index], view))
        on_progress(Progress(index + 1, len(images), f"{extractor.name}, {view}"))
    owner = np.repeat(np.arange(len(found)), [len(vectors) for vectors in found])
    return Features(np.concatenate(found), owner, len(found))


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
        Features of different lengths, or fewer than two ROIs of a kind.
    """
    if min(synthetic.rois, real.rois) < 2:
        raise InputError(
            f"{synthetic.rois} synthetic and {real.rois} real ROIs are too few for a distance.",
            "Give at least two of each.",
        )
    numbers = numbered(patients, real.rois)
    rng = np.random.default_rng(seed)
    fid = frechet_distance(synthetic.vectors, real.vectors)
    kernel = kernel_between_rois(synthetic, real)
    kid, kid_low, kid_high = kernel_distance(kernel, synthetic.rois, numbers, rng)
    owners = int(numbers.max()) + 1
    drawn = min(synthetic.rois, smallest_half(numbers)) if owners >= 4 else 0
    matched, floor, kid_floor = [], [], []
    for split in range(KID_SPLITS if drawn > 1 else 0):
        here, there = (
            balanced_order(half, numbers, rng)[:drawn] for half in patient_halves(numbers, rng)
        )
        kid_floor.append(kernel_distance_of(kernel, there + synthetic.rois, here + synthetic.rois))
        if split < FID_SPLITS:
            chosen = rng.permutation(synthetic.rois)[:drawn]
            matched.append(frechet_distance(synthetic.of(chosen), real.of(here)))
            floor.append(frechet_distance(real.of(there), real.of(here)))
    kid_low_high = percentile_interval(kid_floor) if kid_floor else (None, None)
    return FeatureDistance(
        extractor=extractor.name,
        view=view,
        fid=fid,
        fid_matched=float(np.mean(matched)) if matched else None,
        fid_floor=float(np.mean(floor)) if floor else None,
        fid_floor_low=min(floor, default=None),
        fid_floor_high=max(floor, default=None),
        kid=kid,
        kid_low=kid_low,
        kid_high=kid_high,
        kid_floor_low=kid_low_high[0],
        kid_floor_high=kid_low_high[1],
        drawn=drawn if drawn > 1 else 0,
        synthetic=synthetic.rois,
        real=real.rois,
        patients=owners,
        synthetic_vectors=len(synthetic.vectors),
        real_vectors=len(real.vectors),
        description=extractor.description,
        sha256=extractor.sha256,
    )
