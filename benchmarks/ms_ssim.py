"""MS-SSIM of 1,000 random pairs of ROIs: this project beside MONAI and the published way.

Every ROI is prepared once and held while memory lasts; the time of all pairs includes that. The
others compare a few of the pairs, and their time is scaled to all; values are compared on those.
The published way is scipy's Gaussian filter at five levels, as the code of Kwon et al. 2019 has it.
ROIs are textured ellipsoids of the size of gliomas, on background.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.metrics.regression import MultiScaleSSIMMetric
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, own_peak, parser, report, summary, timed

from napari_tumor_synth.evaluation.ms_ssim import MsSsimSettings, prepare_ms_ssim, settings_for
from napari_tumor_synth.evaluation.ms_ssim_pairs import score_pairs
from napari_tumor_synth.evaluation.random_pairs import draw_pairs

Image = NDArray[np.float32]
Peer = Callable[[Image, Image], float]
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--rois", type=int, default=250)
    options.add_argument("--pairs", type=int, default=1000)
    options.add_argument("--peer-pairs", type=int, default=3, help="That the others compare.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    small = arguments.small
    size, count = (64, 4) if small else (arguments.size, arguments.rois)
    rng = np.random.default_rng(0)
    images = [made_up_roi(rng, size) for _ in range(count)]
    pairs = draw_pairs(count, 6 if small else arguments.pairs, rng)
    threads = torch.get_num_threads()
    compared = pairs[: 2 if small else arguments.peer_pairs]
    settings = {name: settings_for(name, images[0].shape) for name in ("wang2003-k7", "kwon2019")}
    presets: dict[str, dict[str, Any]] = {}
    for name, chosen in settings.items():
        score_pairs(images, pairs[:2], chosen)  # compiles the kernel
        score = partial(score_pairs, images, pairs, chosen, threads=threads)
        presets[name] = {
            "definition": str(chosen),
            "all_pairs": timed(score, arguments.repeats, warm_up=0),
            "megabytes_a_roi": round(prepare_ms_ssim(images[0], chosen).nbytes / 1e6, 2),
        }
    peak = own_peak()  # before the others, which take more
    for name, chosen in settings.items():
        ours = score_pairs(images, compared, chosen)[:, 0]
        presets[name]["peer"] = _peer(name, chosen, images, compared, ours, len(pairs))
    report(
        {
            "benchmark": "ms_ssim",
            "machine": machine,
            "size": size,
            "rois": count,
            "pairs": len(pairs),
            "presets": presets,
            "peak_mb": peak,
        }
    )


def _peer(
    preset: str,
    settings: MsSsimSettings,
    images: list[Image],
    pairs: NDArray[np.int64],
    ours: NDArray[np.float64],
    count: int,
) -> dict[str, Any]:
    published = preset == "kwon2019"
    function: Peer = _as_published if published else _monai(settings)
    seconds, values = [], []
    for one, other in pairs.tolist():
        started = time.perf_counter()
        values.append(function(images[one], images[other]))
        seconds.append(time.perf_counter() - started)
    times = summary(seconds)
    return {
        "name": "scipy, as published" if published else "MONAI MultiScaleSSIMMetric, float32",
        "a_pair": times,
        "all_pairs_scaled_s": round(times["median_s"] * count, 1),
        "largest_difference": float(f"{np.abs(np.array(values) - ours).max():.2g}"),
    }


def _monai(settings: MsSsimSettings) -> Peer:
    metric = MultiScaleSSIMMetric(
        spatial_dims=3, kernel_size=settings.window, weights=settings.weights
    )

    def compare(one: Image, other: Image) -> float:
        moved = [torch.from_numpy((volume + 1) / 2)[None, None] for volume in (one, other)]
        return float(metric(*moved))

    return compare


def _as_published(one: Image, other: Image) -> float:
    volumes = [volume.astype(np.float64) for volume in (one, other)]
    structures, last = [], 0.0
    for _ in _WEIGHTS:
        x, y = volumes
        means = gaussian_filter(x, 1.5), gaussian_filter(y, 1.5)
        squares = means[0] ** 2 + means[1] ** 2
        products = 2 * means[0] * means[1]
        variances = gaussian_filter(x * x, 1.5) + gaussian_filter(y * y, 1.5) - squares
        structure = (2 * gaussian_filter(x * y, 1.5) - products + 9e-4) / (variances + 9e-4)
        structures.append(structure.mean())
        last = ((products + 1e-4) / (squares + 1e-4) * structure).mean()
        volumes = [_halve(volume) for volume in volumes]
    return float(np.prod(np.array(structures[:-1]) ** _WEIGHTS[:-1] * last ** _WEIGHTS[-1]))


def _halve(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    blocks = volume.reshape([part for size in volume.shape for part in (size // 2, 2)])
    halved: NDArray[np.float64] = blocks.mean(axis=(1, 3, 5))
    return halved


if __name__ == "__main__":
    main()
