"""Diversity of synthetic ROIs beside that of real ones, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.diversity import Diversity, sample_diversity
from napari_tumor_synth.evaluation.intervals import percentile_interval
from napari_tumor_synth.evaluation.ms_ssim_definition import MsSsimSettings
from napari_tumor_synth.evaluation.roi_sets import ChosenRois
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DiversityComparison:
    """MS-SSIM among synthetic ROIs and among real ones; near 0 is good, above 0 is too alike.

    Attributes
    ----------
    real, synthetic : Diversity
    difference : float
        Synthetic less real, whole ROIs.
    low, high : float or None
        Its 95 % bootstrap interval over the ROIs (or patients) of both sets; None for fewer than
        three.
    foreground_difference, foreground_low, foreground_high : float, or None
        The same in the foreground.
    """

    real: Diversity
    synthetic: Diversity
    difference: float
    low: float | None
    high: float | None
    foreground_difference: float
    foreground_low: float | None
    foreground_high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "real": self.real.as_json(), "synthetic": self.synthetic.as_json()}


def compare_diversity(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    pairs: int = 1000,
    seed: int = 0,
    settings: MsSsimSettings | None = None,
    on_progress: OnProgress = ignore_progress,
    *,
    patients: Sequence[str] | None = None,
    threads: int | None = None,
) -> DiversityComparison:
    """Measure the diversity of synthetic and of real ROIs with the same settings.

    Parameters
    ----------
    synthetic, real : sequence of numpy.ndarray
    pairs, seed, settings, on_progress, threads
        As of `measure_diversity`; as many pairs of each set.
    patients : sequence of str, optional
        Whose each real ROI is.

    Raises
    ------
    InputError
        As `measure_diversity`.
    Cancelled
        Raised by `on_progress`.
    """
    measure = partial(sample_diversity, pairs=pairs, settings=settings, threads=threads)
    theirs, their_means = measure(
        real, seed=seed, on_progress=_named(on_progress, "real"), patients=patients
    )
    ours, our_means = measure(
        synthetic, seed=seed + 1, on_progress=_named(on_progress, "synthetic")
    )
    resamples = min(len(our_means), len(their_means))
    differences = our_means[:resamples] - their_means[:resamples]
    enough = ours.low is not None and theirs.low is not None
    whole, foreground = (
        percentile_interval(column) if enough else (None, None) for column in differences.T
    )
    return DiversityComparison(
        real=theirs,
        synthetic=ours,
        difference=ours.ms_ssim - theirs.ms_ssim,
        low=whole[0],
        high=whole[1],
        foreground_difference=ours.foreground - theirs.foreground,
        foreground_low=foreground[0],
        foreground_high=foreground[1],
    )


def compare_diversity_by_class(
    synthetic: Sequence[Image],
    synthetic_classes: Sequence[str],
    real: Sequence[Image],
    real_classes: Sequence[str],
    pairs: int = 1000,
    seed: int = 0,
    settings: MsSsimSettings | None = None,
    on_progress: OnProgress = ignore_progress,
    *,
    patients: Sequence[str] | None = None,
    threads: int | None = None,
) -> dict[str, DiversityComparison]:
    """Return `compare_diversity` within each class that synthetic ROIs have, by name.

    Raises
    ------
    InputError
        A class has no two real or no two synthetic ROIs, a class is not named for every ROI, or as
        `measure_diversity`.
    Cancelled
        Raised by `on_progress`.
    """
    for kind, rois, classes in (
        ("synthetic", synthetic, synthetic_classes),
        ("real", real, real_classes),
    ):
        if len(rois) != len(classes):
            raise InputError(
                f"{len(classes)} classes are named for {len(rois)} {kind} ROIs.",
                "Name the class of every ROI.",
            )
    found = {}
    for name in sorted(set(synthetic_classes)):
        ours, theirs = (
            [index for index, each in enumerate(classes) if each == name]
            for classes in (synthetic_classes, real_classes)
        )
        if min(len(ours), len(theirs)) < 2:
            raise InputError(
                f"The class {name} has {len(ours)} synthetic and {len(theirs)} real ROIs.",
                "Give at least two of each class, or leave the class out.",
            )
        found[name] = compare_diversity(
            ChosenRois([synthetic], ours),
            ChosenRois([real], theirs),
            pairs,
            seed,
            settings,
            _named(on_progress, name),
            patients=None if patients is None else [patients[index] for index in theirs],
            threads=threads,
        )
    return found


def _named(on_progress: OnProgress, name: str) -> OnProgress:
    def report(progress: Progress) -> None:
        message = f"{name}: {progress.message}"
        on_progress(Progress(progress.step, progress.total, message, progress.preview))

    return report
