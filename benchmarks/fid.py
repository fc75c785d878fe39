"""FID and KID of two sets of made-up ROIs: looking at them, and the distances.

The Fréchet distance by singular values beside scipy's and MONAI's by the square root of a matrix,
of more and of fewer vectors than a vector has numbers, with the differences in value.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.metrics import FIDMetric
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, own_peak, parser, report, timed
from threadpoolctl import threadpool_limits

from napari_tumor_synth.evaluation.feature_distances import compare_features
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor, Features
from napari_tumor_synth.evaluation.features.looking import features_of
from napari_tumor_synth.evaluation.features.slice_network import efficientnet_lite0
from napari_tumor_synth.evaluation.features.volume_network import random_network
from napari_tumor_synth.evaluation.frechet import frechet_distance

Vectors = NDArray[np.float32]


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--rois", type=int, default=335, help="Of 64^3.")
    options.add_argument("--large-rois", type=int, default=40, help="Of 128^3.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    cpu = torch.device("cpu")
    small = arguments.small
    extractors = (efficientnet_lite0(cpu), random_network(cpu))
    counts = {24: 8} if small else {64: arguments.rois, 128: arguments.large_rois}
    looking: list[dict[str, Any]] = []
    seen: list[Features] = []  # of the smaller grid, axial
    for size, count in counts.items():
        images = _images(count, size)
        for extractor in extractors:
            for view in extractor.views:
                started = time.perf_counter()
                found = features_of(extractor, view, images, threads=arguments.threads or None)
                seconds = time.perf_counter() - started
                seen.append(found)
                looking.append(
                    {
                        "extractor": extractor.name,
                        "view": view,
                        "size": size,
                        "rois": count,
                        "seconds": round(seconds, 3),
                        "seconds_per_100": round(100 * seconds / count, 3),
                    }
                )
    peak = own_peak()  # before the others, which take more
    halves = _halves(seen[0])
    distances = [
        _distance(extractors[0], _first(halves, fewer), arguments.repeats)
        for fewer in (halves[0].rois, max(4, halves[0].rois // 8))
    ]
    report(
        {
            "benchmark": "fid",
            "machine": machine,
            "looking": looking,
            "distances": distances,
            "peak_mb": peak,
        }
    )


def _images(count: int, size: int) -> list[Vectors]:
    rng = np.random.default_rng(0)
    return [made_up_roi(rng, size)[None] for _ in range(count)]


def _halves(features: Features) -> tuple[Features, Features]:
    half = features.rois // 2
    return _part(features, 0, half), _part(features, half, 2 * half)


def _first(sets: tuple[Features, Features], count: int) -> tuple[Features, Features]:
    return _part(sets[0], 0, count), _part(sets[1], 0, count)


def _part(features: Features, start: int, end: int) -> Features:
    kept = (features.owner >= start) & (features.owner < end)
    return Features(features.vectors[kept], features.owner[kept] - start, end - start)


def _distance(
    extractor: FeatureExtractor, sets: tuple[Features, Features], repeats: int
) -> dict[str, Any]:
    vectors = [one.vectors.astype(np.float64) for one in sets]
    # one thread of linear algebra for all: several wait for each other on a busy machine
    with threadpool_limits(1):
        ours = frechet_distance(*vectors)
        by = timed(partial(frechet_distance, *vectors), repeats)
        peers = {
            name: _peer(function, vectors, ours)
            for name, function in (("scipy sqrtm", _by_square_root), ("MONAI FIDMetric", _by_monai))
        }
    return {
        "rois": sets[0].rois,
        "vectors": len(vectors[0]),
        "dimensions": vectors[0].shape[1],
        "value": ours,
        "fid": by,
        "peers": peers,
        "with_floors_and_kid": timed(partial(compare_features, extractor, "axial", *sets), 1),
    }


def _peer(
    function: Callable[..., float], vectors: list[NDArray[np.float64]], ours: float
) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scipy, about singular matrices and its own changes
        started = time.perf_counter()
        value = function(*vectors)
        seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "value": value,
        "relative_difference": float(f"{abs(value - ours) / abs(ours):.2g}"),
    }


def _by_square_root(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    gap = one.mean(axis=0) - other.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    return float(gap @ gap + np.trace(first + second - 2 * sqrtm(first @ second).real))


def _by_monai(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(FIDMetric()(torch.from_numpy(one), torch.from_numpy(other)))


if __name__ == "__main__":
    main()
