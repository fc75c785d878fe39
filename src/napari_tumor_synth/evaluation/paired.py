"""Synthetic ROIs beside the real ones that they stand for: PSNR, 3D-SSIM and DAEF.

For translation between sequences, reconstruction and inpainting, where each synthetic ROI has a
real counterpart. The columns are those of Table 6 in Ge et al. 2020 (see `daef`), with 3D-SSIM.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.daef import measure_daef
from napari_tumor_synth.evaluation.fidelity import DATA_RANGE, SSIM_WINDOW, measure_fidelity
from napari_tumor_synth.evaluation.intervals import numbered, percentile_interval, resampled_counts
from napari_tumor_synth.imaging.mask_rule import foreground_of
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
FeaturePair = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]

_PSNR = f"peak signal-to-noise ratio, data range {DATA_RANGE:g}, channels together"
_SSIM = f"3D-SSIM, uniform window of {SSIM_WINDOW} voxels, sample covariance, intensities in [0, 1]"
_DEFINITIONS = {
    "psnr_db": ("PSNR (dB)", "whole image", _PSNR),
    "foreground_psnr_db": ("PSNR (dB)", "tumour region", f"{_PSNR}, union of both masks"),
    "ssim": ("3D-SSIM", "whole image", f"{_SSIM}, complete windows only"),
    "foreground_ssim": ("3D-SSIM", "tumour region", f"{_SSIM}, union of both masks"),
}


@dataclass(frozen=True, slots=True)
class PairedRow:
    """One figure over all pairs.

    Attributes
    ----------
    name, region : str
    n : int
        Pairs that it is of.
    mean : float or None
        None if no pair has a finite figure. For the DAEF, which is one figure of the set, that one.
    sd : float or None
        Over the pairs; None for the DAEF.
    low, high : float or None
        95 % bootstrap interval over pairs, or over patients.
    identical : int
        Pairs left out because they are identical, so that their PSNR is infinite.
    definition : str
    """

    name: str
    region: str
    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    identical: int
    definition: str


@dataclass(frozen=True, slots=True)
class PairedTable:
    """The figures of paired ROIs.

    Attributes
    ----------
    rows : tuple of PairedRow
    pairs, patients : int
    """

    rows: tuple[PairedRow, ...]
    pairs: int
    patients: int

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)


def measure_pairs(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
    masks: Sequence[Mask] | None = None,
    patients: Sequence[str] | None = None,
    whole_features: FeaturePair | None = None,
    tumour_features: FeaturePair | None = None,
    seed: int = 0,
    on_progress: OnProgress = ignore_progress,
) -> PairedTable:
    """Compare each synthetic ROI with its real counterpart.

    Parameters
    ----------
    synthetic, real : sequence of numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1], in the same order; at least two pairs. May
        load each when it is asked for.
    names : tuple of two sequences of str, optional
        The case that each synthetic, and each real, ROI is of: must agree pair by pair.
    masks : sequence of numpy.ndarray, optional
        Tumour ``(S, A, R)`` of each pair. The union of what both ROIs show when not given.
    patients : sequence of str, optional
        Whose each pair is.
    whole_features, tumour_features : tuple of two arrays (n, d), optional
        Of synthetic and real ROIs in their order, for the DAEF.
    seed : int
        Decides the intervals.
    on_progress : callable
        Called after each pair; may raise `Cancelled`.

    Raises
    ------
    InputError
        ROIs, names, masks or features that do not pair up, fewer than two pairs, or a pair on
        different grids, without tumour, or with what is not a number; the message says which.
    """
    _require_pairs(synthetic, real, names, masks)
    count = len(real)
    numbers = numbered(patients, count)
    figures: dict[str, list[float]] = {key: [] for key in _DEFINITIONS}
    for pair in range(count):
        name = f"Pair {pair + 1}" + (f" ({names[1][pair]})" if names else "")
        mask = None if masks is None else masks[pair]
        found = _compare(synthetic[pair], real[pair], mask, name)
        for key, values in figures.items():
            values.append(found[key])
        on_progress(Progress(pair + 1, count, "comparing pairs"))
    counts = resampled_counts(numbers, np.random.default_rng(seed))
    rows = [_row(key, np.array(values), counts) for key, values in figures.items()]
    for region, features in (("whole image", whole_features), ("tumour region", tumour_features)):
        if features is not None:
            rows.append(_daef_row(region, features, count, patients, seed))
    return PairedTable(tuple(rows), count, int(numbers.max()) + 1)


def _compare(ours: Image, theirs: Image, mask: Mask | None, name: str) -> dict[str, float]:
    both = ours, theirs
    if not all(np.isfinite(image).all() for image in both):
        raise InputError(
            f"{name} holds values that are not numbers.", "Cut or generate the ROI anew."
        )
    masks = [mask if mask is not None else _shown(image) for image in both]
    try:
        fidelity = measure_fidelity(ours, theirs, masks[0], masks[1])
    except InputError as error:
        raise InputError(f"{name}: {error.problem}", error.remedy) from error
    return asdict(fidelity)


def _shown(image: Image) -> Mask:
    return foreground_of(image if image.ndim == 4 else image[np.newaxis])


def _row(key: str, values: NDArray[np.float64], counts: NDArray[np.int64]) -> PairedRow:
    name, region, definition = _DEFINITIONS[key]
    finite = np.isfinite(values)
    kept, weights = values[finite], counts[:, finite]
    mean = sd = low = high = None
    if len(kept):
        mean = float(kept.mean())
        weights = weights[weights.any(axis=1)]
        low, high = percentile_interval(weights @ kept / weights.sum(axis=1))
    if len(kept) > 1:
        sd = float(kept.std(ddof=1))
    return PairedRow(name, region, len(kept), mean, sd, low, high, int((~finite).sum()), definition)


def _daef_row(
    region: str, features: FeaturePair, count: int, patients: Sequence[str] | None, seed: int
) -> PairedRow:
    if not len(features[0]) == len(features[1]) == count:
        raise InputError(
            f"Features of {len(features[0])} synthetic and {len(features[1])} real ROIs are given "
            f"for {count} pairs.",
            "Give one vector for each ROI.",
        )
    found = measure_daef(*features, paired=True, patients=patients, seed=seed)
    return PairedRow(
        "DAEF", region, count, found.value, None, found.low, found.high, 0, found.definition
    )


def _require_pairs(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    names: tuple[Sequence[str], Sequence[str]] | None,
    masks: Sequence[Mask] | None,
) -> None:
    if len(synthetic) != len(real) or len(real) < 2:
        raise InputError(
            f"{len(synthetic)} synthetic and {len(real)} real ROIs make no set of pairs.",
            "Give at least two pairs: one synthetic ROI for each real one, in the same order.",
        )
    if masks is not None and len(masks) != len(real):
        raise InputError(
            f"{len(masks)} masks are given for {len(real)} pairs.", "Give a mask for each pair."
        )
    if names is None:
        return
    if not len(names[0]) == len(names[1]) == len(real):
        raise InputError(
            f"{len(names[0])} and {len(names[1])} names are given for {len(real)} pairs.",
            "Name every ROI.",
        )
    for number, (ours, theirs) in enumerate(zip(*names, strict=True), start=1):
        if ours != theirs:
            raise InputError(
                f"Pair {number} is of two cases: {ours} (synthetic) and {theirs} (real).",
                "Give both sets in the same order.",
            )
