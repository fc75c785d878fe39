"""3D-SSIM of one ROI with a gallery: this project beside scikit-image and MONAI, in turns.

The others compare a few pairs, and their time is scaled to the gallery; values are compared on
those pairs. ROIs are textured ellipsoids of the size of gliomas, on background.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.metrics.regression import SSIMMetric
from numpy.typing import NDArray
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, parser, report, summary, timed
from skimage.metrics import structural_similarity

from napari_tumor_synth.evaluation.ssim import SsimRoi, prepare_roi, scores_among, scores_of, ssim
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition

Image = NDArray[np.float32]


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--cases", type=int, default=335)
    options.add_argument("--pairs", type=int, default=2, help="That the others compare.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    size, cases = (24, 4) if arguments.small else (arguments.size, arguments.cases)
    rng = np.random.default_rng(0)
    images = [made_up_roi(rng, size) for _ in range(cases)]
    query, threads = made_up_roi(rng, size), torch.get_num_threads()
    windows = {}
    for window in ("uniform", "gaussian"):
        definition = SsimDefinition(window)
        gallery = [prepare_roi(image, definition, exact=False) for image in images]
        windows[window] = {
            "ours": _ours(query, gallery, threads, arguments.repeats),
            "megabytes_a_volume": round(np.mean([_bytes(roi) for roi in gallery]) / 1e6, 2),
            "others": _others(query, images[: arguments.pairs], definition, arguments.repeats),
        }
        if window == "uniform":
            among = timed(partial(scores_among, gallery, threads), 1, warm_up=0)
            windows[window]["all_pairs"] = {"pairs": cases * (cases - 1) // 2, **among}
    report(
        {
            "benchmark": "ssim",
            "machine": machine,
            "size": size,
            "cases": cases,
            "windows": windows,
        }
    )


def _ours(query: Image, gallery: list[SsimRoi], threads: int, repeats: int) -> dict[str, Any]:
    definition = gallery[0].definition

    def ask() -> NDArray[np.float64]:
        return scores_of(prepare_roi(query, definition, exact=False), gallery, threads)

    return timed(ask, repeats)


def _others(
    query: Image, images: list[Image], definition: SsimDefinition, repeats: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ours = np.array([ssim(query, image, definition).whole for image in images])
    for name, function in _peers(definition).items():
        seconds, values = [], []
        for image in images * repeats:
            started = time.perf_counter()
            values.append(function(query, image))
            seconds.append(time.perf_counter() - started)
        difference = np.abs(np.array(values).reshape(repeats, -1) - ours).max()
        found[name] = {"a_pair": summary(seconds), "largest_difference": float(f"{difference:.2g}")}
    return found


def _peers(definition: SsimDefinition) -> dict[str, Callable[[Image, Image], float]]:
    uniform = definition.window == "uniform"
    windows: dict[str, Any] = (
        {"win_size": 7}
        if uniform
        else {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    )
    metric = SSIMMetric(
        spatial_dims=3, kernel_type=definition.window, win_size=7 if uniform else 11
    )

    def scikit_image(one: Image, other: Image) -> float:
        moved = [(volume.astype(np.float64) + 1) / 2 for volume in (one, other)]
        return float(structural_similarity(*moved, data_range=1.0, **windows))  # type: ignore[no-untyped-call]

    def monai(one: Image, other: Image) -> float:
        moved = [torch.from_numpy((volume + 1) / 2)[None, None] for volume in (one, other)]
        return float(metric(*moved))

    return {"scikit-image, float64": scikit_image, "MONAI SSIMMetric, float32": monai}


def _bytes(roi: SsimRoi) -> int:
    return sum(
        array.nbytes
        for channel in roi.channels
        for array in (channel.part.raw, channel.part.mean, channel.part.variance)
    )


if __name__ == "__main__":
    main()
