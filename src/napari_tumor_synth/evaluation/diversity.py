"""How different the ROIs of a set are: MS-SSIM among random pairs.

A generator is as diverse as reality when its figure is near that of real ROIs of the same class,
not when it is low.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.intervals import (
    FEWEST_DRAWN,
    numbered,
    percentile_interval,
    resampled_counts,
)
from napari_tumor_synth.evaluation.ms_ssim_definition import MsSsimSettings
from napari_tumor_synth.evaluation.ms_ssim_pairs import score_pairs
from napari_tumor_synth.evaluation.random_pairs import draw_pairs
from napari_tumor_synth.progress import OnProgress, ignore_progress


@dataclass(frozen=True, slots=True)
class Diversity:
    """Mean MS-SSIM among the ROIs of one set; 1 means that they are all the same.

    Attributes
    ----------
    ms_ssim : float
        Mean over the pairs, of whole ROIs.
    low, high : float or None
        Its 95 % confidence interval: bootstrap over ROIs, or over patients, since pairs that share
        one are not independent. None for fewer than three.
    pairs, rois, patients : int
        Pairs compared, and ROIs and patients they were drawn from.
    settings : MsSsimSettings
        Which MS-SSIM.
    foreground, foreground_low, foreground_high : float, or None
        The same in the foreground, where most of a whole ROI's common background does not count.
    """

    ms_ssim: float
    low: float | None
    high: float | None
    pairs: int
    rois: int
    settings: MsSsimSettings
    patients: int
    foreground: float
    foreground_low: float | None
    foreground_high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with the definition in words."""
        return {**asdict(self), "definition": str(self.settings)}


def measure_diversity(
    rois: Sequence[NDArray[np.float32]],
    pairs: int = 1000,
    seed: int = 0,
    settings: MsSsimSettings | None = None,
    on_progress: OnProgress = ignore_progress,
    *,
    patients: Sequence[str] | None = None,
    threads: int | None = None,
) -> Diversity:
    """Compare random pairs of ROIs.

    Parameters
    ----------
    rois : sequence of numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1], of one shape, at least two. May load each
        when it is asked for.
    pairs : int
        Different pairs to draw; all there are if there are fewer.
    seed : int
        Decides the pairs and the interval.
    settings : MsSsimSettings, optional
        Which MS-SSIM; three levels when not given. `settings_for` has presets.
    on_progress : callable
        Called after each ROI prepared and each pair compared.
    patients : sequence of str, optional
        Whose each ROI is: pairs of one patient are not drawn, since they tell nothing of the
        variety among patients.
    threads : int, optional
        All cores when not given; the figures do not depend on it.

    Raises
    ------
    InputError
        Fewer than two ROIs or patients, or ROIs too small, of different shapes, or with what is
        not a number.
    Cancelled
        Raised by `on_progress`.
    """
    return sample_diversity(
        rois, pairs, seed, settings, on_progress, patients=patients, threads=threads
    )[0]


def sample_diversity(
    rois: Sequence[NDArray[np.float32]],
    pairs: int = 1000,
    seed: int = 0,
    settings: MsSsimSettings | None = None,
    on_progress: OnProgress = ignore_progress,
    *,
    patients: Sequence[str] | None = None,
    threads: int | None = None,
) -> tuple[Diversity, NDArray[np.float64]]:
    """Return `measure_diversity` and its resampled means (resamples, 2), whole and foreground."""
    if len(rois) < 2 or pairs < 1:
        raise InputError(
            f"{pairs} pairs of {len(rois)} ROIs cannot be compared.",
            "Give at least two ROIs and ask for at least one pair.",
        )
    settings = settings or MsSsimSettings()
    numbers = numbered(patients, len(rois))
    rng = np.random.default_rng(seed)
    chosen = draw_pairs(len(rois), pairs, rng, numbers)
    scores = score_pairs(rois, chosen, settings, threads=threads, on_progress=on_progress)
    means = _resampled_means(scores, chosen, resampled_counts(numbers, rng))
    enough = int(numbers.max()) + 1 >= FEWEST_DRAWN
    intervals = [percentile_interval(column) if enough else (None, None) for column in means.T]
    whole, foreground = scores.mean(axis=0).tolist()
    measured = Diversity(
        ms_ssim=whole,
        low=intervals[0][0],
        high=intervals[0][1],
        pairs=len(chosen),
        rois=len(rois),
        settings=settings,
        patients=int(numbers.max()) + 1,
        foreground=foreground,
        foreground_low=intervals[1][0],
        foreground_high=intervals[1][1],
    )
    return measured, means


def _resampled_means(
    scores: NDArray[np.float64], pairs: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Weigh a pair as often as both its items were drawn together.

    Resamples that hold no pair (possible with few items only) are left out; without any, the range
    of the pairs stands in for the means.
    """
    weights = (times[pairs[:, 0]] * times[pairs[:, 1]] for times in counts)
    means = [weight @ scores / weight.sum() for weight in weights if weight.any()]
    return np.array(means) if means else scores
