"""Compare simulated with real ROIs in numbers; prints JSON.

Per class, feature and origin the mean and standard deviation over cases, and how far the means of
simulated and real ROIs lie apart in standard deviations of the real ones. Then how well features
tell the classes apart, as the area under the ROC curve: 0.5 tells nothing, below 0.5 the low-grade
values are larger.

    python scripts/compare_phantom_with_real.py CASES [--count 20] [--sequence flair]

CASES is a folder with LGG/ and HGG/ below; left out, TUMOR_SYNTH_REAL_DATA names it.
"""

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.stats import wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_tumor_synth.imaging.cohort import find_cases
from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import CLASSES, PhantomSettings
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi

FIRST_SEED = 9000
ROI = RoiSettings(size=(64, 64, 64), spacing_mm=2.0)
LAGS_MM = (2, 4, 8)
BINS = np.linspace(-1, 1, 41)

Array = NDArray[Any]
Labelled = list[tuple[str, Roi]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    named = os.environ.get("TUMOR_SYNTH_REAL_DATA")
    parser.add_argument("cases", type=Path, nargs="?", default=named and Path(named))
    parser.add_argument("--count", type=int, default=20, help="phantoms of each class")
    parser.add_argument("--sequence", default="flair", help="flair, t1, t1ce or t2")
    arguments = parser.parse_args()
    if arguments.cases is None:
        parser.error("name the folder of the real cases, or set TUMOR_SYNTH_REAL_DATA")
    sets = {
        "real": list(real_rois(arguments.cases, arguments.sequence)),
        "phantom": list(phantom_rois(arguments.count, arguments.sequence)),
    }
    features = {
        origin: [(name, features_of(roi)) for name, roi in rois] for origin, rois in sets.items()
    }
    result = {
        "sequence": arguments.sequence,
        "cases": {origin: len(rois) for origin, rois in sets.items()},
        "features": {name: side_by_side(name, features) for name in CLASSES},
        "histogram_distance": {name: histogram_distance(name, sets) for name in CLASSES},
        "classes_apart": {origin: areas(rows) for origin, rows in features.items()},
    }
    print(json.dumps(result, indent=1))


def real_rois(root: Path, sequence: str) -> Iterable[tuple[str, Roi]]:
    for case in find_cases(root):
        if case.class_name in CLASSES and sequence in case.sequences:
            images = {sequence: read_image(case.sequences[sequence])}
            yield case.class_name, extract_roi(images, read_segmentation(case.segmentation), ROI)


def phantom_rois(count: int, sequence: str) -> Iterable[tuple[str, Roi]]:
    settings = PhantomSettings(sequences=(sequence,))
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        for name in CLASSES:
            case = make_phantom(name, seed, settings)
            yield name, extract_roi(case.images, case.segmentation, ROI)


def features_of(roi: Roi) -> dict[str, float]:
    image, mask = roi.image[0].astype(np.float64), roi.mask
    values = image[mask]
    centred = np.where(mask, image - values.mean(), 0)
    deep = ndi.binary_erosion(mask, iterations=4)
    return {
        "volume_ml": roi.volume_ml,
        "surface_ratio": surface_ratio(mask),
        "components": float(ndi.label(mask)[1]),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "skew": float(np.mean((values - values.mean()) ** 3) / values.std() ** 3),
        "middle_minus_border": float(image[deep].mean() - image[mask & ~deep].mean())
        if deep.any()
        else 0.0,
        "gradient_s": mean_step(image, mask, 0),
        "gradient_in_plane": (mean_step(image, mask, 1) + mean_step(image, mask, 2)) / 2,
        **{f"autocorrelation_s_{lag}mm": autocorrelation(centred, mask, 0, lag) for lag in LAGS_MM},
        **{
            f"autocorrelation_in_plane_{lag}mm": (
                autocorrelation(centred, mask, 1, lag) + autocorrelation(centred, mask, 2, lag)
            )
            / 2
            for lag in LAGS_MM
        },
    }


def surface_ratio(mask: Array) -> float:
    """Return the voxel faces against those of a ball of the same volume: 1 is a ball."""
    faces = sum(np.count_nonzero(np.diff(mask.astype(np.int8), axis=axis)) for axis in range(3))
    return float(faces / (1.5 * (36 * np.pi) ** (1 / 3) * mask.sum() ** (2 / 3)))


def mean_step(image: Array, mask: Array, axis: int) -> float:
    """Return the mean absolute difference of neighbours along an axis inside the mask."""
    first, second, both = shifted(image, mask, axis, 1)
    return float(np.abs(first - second)[both].mean())


def autocorrelation(centred: Array, mask: Array, axis: int, lag_mm: int) -> float:
    first, second, both = shifted(centred, mask, axis, round(lag_mm / ROI.spacing_mm))
    return float((first * second)[both].mean() / (centred[mask] ** 2).mean())


def shifted(image: Array, mask: Array, axis: int, lag: int) -> tuple[Array, Array, Array]:
    edge = image.shape[axis]
    ahead, behind = range(lag, edge), range(edge - lag)
    both = mask.take(ahead, axis) & mask.take(behind, axis)
    return image.take(ahead, axis), image.take(behind, axis), both


def side_by_side(
    class_name: str, features: dict[str, list[tuple[str, dict[str, float]]]]
) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for origin, rows in features.items():
        own = [row for name, row in rows if name == class_name]
        for feature in own[0]:
            values = [row[feature] for row in own]
            table[feature][f"{origin}_mean"] = round(float(np.mean(values)), 3)
            table[feature][f"{origin}_sd"] = round(float(np.std(values, ddof=1)), 3)
    for row in table.values():
        apart = (row["phantom_mean"] - row["real_mean"]) / max(row["real_sd"], 1e-9)
        row["apart_in_real_sd"] = round(apart, 2)
    return dict(table)


def histogram_distance(class_name: str, sets: dict[str, Labelled]) -> dict[str, float]:
    """Return Wasserstein distances of the mean histograms, and of real cases from their mean."""
    middles = (BINS[1:] + BINS[:-1]) / 2
    histograms = {
        origin: np.array([histogram(roi) for name, roi in rois if name == class_name])
        for origin, rois in sets.items()
    }

    def distance(one: Array, other: Array) -> float:
        return float(wasserstein_distance(middles, middles, one, other))

    real = histograms["real"].mean(0)
    spread = [distance(one, real) for one in histograms["real"]]
    return {
        "phantom_from_real": round(distance(histograms["phantom"].mean(0), real), 3),
        "a_real_case_from_real": round(float(np.mean(spread)), 3),
    }


def histogram(roi: Roi) -> Array:
    counts, _ = np.histogram(roi.image[0][roi.mask], BINS)
    return counts / counts.sum()


def areas(rows: list[tuple[str, dict[str, float]]]) -> dict[str, float]:
    grades = np.array([name == "HGG" for name, _ in rows])
    columns = {key: [row[key] for _, row in rows] for key in rows[0][1]}
    result = {
        key: round(float(roc_auc_score(grades, values)), 2) for key, values in columns.items()
    }
    others = np.array([values for key, values in columns.items() if key != "volume_ml"]).T
    judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    scores = cross_val_predict(judge, others, grades, cv=5, method="decision_function")
    result["all_but_volume_cross_validated"] = round(float(roc_auc_score(grades, scores)), 2)
    return result


if __name__ == "__main__":
    main()
