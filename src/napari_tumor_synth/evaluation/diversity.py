"""How different the ROIs of a set are: MS-SSIM among random pairs.

A generator is as diverse as reality when its figure is near that of real ROIs of the same class,
not when it is low.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ms_ssim import MsSsimSettings, ms_ssim
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_BOOTSTRAPS = 2000


@dataclass(frozen=True, slots=True)
class Diversity:
    """Mean MS-SSIM among the ROIs of one set; 1 means that they are all the same.

    Attributes
    ----------
    ms_ssim : float
        Mean over the pairs.
    low, high : float
        Its 95 % confidence interval: bootstrap over ROIs, since pairs that share a ROI are not
        independent.
    pairs, rois : int
        Pairs compared, and ROIs they were drawn from.
    settings : MsSsimSettings
        Which MS-SSIM.
    """

    ms_ssim: float
    low: float
    high: float
    pairs: int
    rois: int
    settings: MsSsimSettings

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)


def measure_diversity(
    rois: Sequence[NDArray[np.float32]],
    pairs: int = 1000,
    seed: int = 0,
    settings: MsSsimSettings | None = None,
    on_progress: OnProgress = ignore_progress,
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
        Which MS-SSIM; three levels when not given.
    on_progress : callable
        Called after each pair.

    Raises
    ------
    InputError
        Fewer than two ROIs, or ROIs too small or of different shapes.
    Cancelled
        Raised by `on_progress`.
    """
    if len(rois) < 2 or pairs < 1:
        raise InputError(
            f"{pairs} pairs of {len(rois)} ROIs cannot be compared.",
            "Give at least two ROIs and ask for at least one pair.",
        )
    settings = settings or MsSsimSettings()
    rng = np.random.default_rng(seed)
    chosen = draw_pairs(len(rois), pairs, rng)
    values = np.empty(len(chosen))
    for number, (one, other) in enumerate(chosen):
        values[number] = ms_ssim(rois[one], rois[other], settings)
        on_progress(Progress(number + 1, len(chosen), "comparing pairs"))
    low, high = _interval(values, chosen, len(rois), rng)
    return Diversity(float(values.mean()), low, high, len(chosen), len(rois), settings)


def draw_pairs(count: int, pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw different unordered pairs ``(n, 2)``, first < second, uniformly; sorted.

    Parameters
    ----------
    count : int
        Items there are.
    pairs : int
        Pairs wanted; all there are if there are fewer.
    rng : numpy.random.Generator
        Where they are drawn from.
    """
    total = math.comb(count, 2)
    everything = itertools.combinations(range(count), 2)
    if pairs >= total:
        return np.array(list(everything))
    wanted = set(rng.choice(total, pairs, replace=False).tolist())
    return np.array([pair for number, pair in enumerate(everything) if number in wanted])


def _interval(
    values: NDArray[np.float64], pairs: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Resample the items: a pair weighs as often as both its items were drawn together."""
    means = []
    for _ in range(_BOOTSTRAPS):
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        weight = times[pairs[:, 0]] * times[pairs[:, 1]]
        if weight.any():
            means.append(np.average(values, weights=weight))
    low, high = np.quantile(means, [0.025, 0.975]) if means else (values.min(), values.max())
    return float(low), float(high)
