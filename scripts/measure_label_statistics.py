"""Measure how glioma labels look in real cases, as aggregate numbers over cases.

Writes the numbers that set the phantom's appearance: per class, label and sequence the level
relative to normal-appearing white matter, the spread, the skew and the texture length inside the
label, each as mean and standard deviation over cases. No voxel, case name or picture is kept.

    python scripts/measure_label_statistics.py CASES [--out label_statistics.json]
"""

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import threshold_multiotsu

SEQUENCES = ("flair", "t1", "t1ce", "t2")
LABELS = {1: "core", 2: "oedema", 4: "enhancing"}
DEFAULT_OUT = (
    Path(__file__).parents[1] / "src/napari_tumor_synth/imaging/phantom/label_statistics.json"
)
SOURCE = (
    "Mean and standard deviation over 18 glioma cases of TCGA origin as distributed by BraTS 2018 "
    "and 2021 (Menze 2015; Bakas 2017, 2018), measured by scripts/measure_label_statistics.py. "
    "Levels and spreads are relative to the median of normal-appearing white matter."
)

Array = NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, help="folder with LGG/ and HGG/ case folders below")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    arguments = parser.parse_args()
    rows: dict[tuple[str, ...], list[float]] = defaultdict(list)
    folders = sorted({path.parent for path in arguments.cases.rglob("*_seg.nii.gz")})
    for folder in folders:
        print(folder.name, flush=True)
        class_name = "HGG" if "HGG" in folder.parts else "LGG"
        for key, value in measure_case(folder).items():
            rows[(class_name, *key)].append(value)
    result = {"source": SOURCE, "cases": len(folders), "statistics": nest(rows)}
    arguments.out.write_text(json.dumps(result, indent=1) + os.linesep, "utf-8")


def measure_case(folder: Path) -> dict[tuple[str, ...], float]:
    images = {name: load(folder, name).astype(np.float32) for name in SEQUENCES}
    segmentation = load(folder, "seg").astype(np.uint8)
    brain = images["t1"] > 0
    tissues = healthy_tissues(images, segmentation, brain)
    values: dict[tuple[str, ...], float] = {}
    for name, image in images.items():
        white = float(np.median(image[tissues["white"]]))
        relative = image / white
        for tissue, mask in tissues.items():
            if mask.sum() < 500:
                continue
            values[(tissue, name, "level")] = float(np.median(relative[mask]))
            values[(tissue, name, "spread")] = robust_spread(relative[mask])
        values[("white", name, "noise")] = noise_level(relative, tissues["white"])
        values[("brain", name, "high")] = float(np.percentile(relative[brain], 99.9))
        values[("brain", name, "slice_mm")] = slice_thickness(relative, brain)
        for label, label_name in LABELS.items():
            mask = segmentation == label
            if mask.sum() >= 1000:
                for key, value in texture(relative, mask).items():
                    values[(label_name, name, key)] = value
        inside = segmentation > 0
        values[("whole", name, "edge_mm")] = edge_width(relative, inside, brain)
    values.update(shape_numbers(segmentation))
    return values


def load(folder: Path, name: str) -> Array:
    image = nib.as_closest_canonical(nib.load(folder / f"{folder.name}_{name}.nii.gz"))
    return np.asarray(image.dataobj).transpose(2, 1, 0)


def healthy_tissues(
    images: dict[str, Array], segmentation: Array, brain: Array
) -> dict[str, Array]:
    """Sort healthy brain into CSF, grey and white by T1 and T2, away from tumour and rim."""
    near = ndi.binary_dilation(segmentation > 0, iterations=8)
    inner = ndi.binary_erosion(brain, iterations=4) & ~near
    t1, t2 = images["t1"], images["t2"]
    dark, bright = threshold_multiotsu(np.clip(t1[inner], *np.percentile(t1[inner], [1, 99])), 3)
    middle = np.median(t2[inner])
    csf = inner & (t1 < np.percentile(t1[inner], 10)) & (t2 > 1.3 * middle)
    white = ndi.binary_erosion(inner & (t1 > bright))
    grey = inner & (t1 < bright) & (t1 > dark) & ~ndi.binary_dilation(csf)
    return {"csf": csf, "grey": grey, "white": white}


def robust_spread(values: Array) -> float:
    low, high = np.percentile(values, [15.87, 84.13])
    return float((high - low) / 2)


def noise_level(image: Array, mask: Array) -> float:
    """Spread of the in-plane residual after a 2 mm smoothing: noise and fine texture."""
    residual = image - ndi.gaussian_filter(image, (0, 2, 2))
    return robust_spread(residual[ndi.binary_erosion(mask)])


def slice_thickness(image: Array, mask: Array) -> float:
    """Estimate slice thickness from how much slower the image changes along S than in plane."""
    inner = ndi.binary_erosion(mask, iterations=3)
    along = np.abs(np.diff(image, axis=0))[inner[1:]].mean()
    in_plane = np.abs(np.diff(image, axis=1))[inner[:, 1:]].mean()
    return float(in_plane / along)


def texture(image: Array, mask: Array) -> dict[str, float]:
    values = image[mask]
    low, middle, high = np.percentile(values, [5, 50, 95])
    spread = robust_spread(values)
    mean = values.mean()
    deviation = values.std() + 1e-6
    result = {
        "level": float(middle),
        "spread": spread,
        "p05": float(low),
        "p95": float(high),
        "skew": float(np.mean(((values - mean) / deviation) ** 3)),
        "fine": fine_spread(image, mask),
    }
    result["length_mm"] = correlation_length(image - mean, mask, 2)
    result["length_s_mm"] = correlation_length(image - mean, mask, 0)
    return result


def fine_spread(image: Array, mask: Array) -> float:
    """Spread of what a 3 mm in-plane smoothing inside the label removes."""
    weight = ndi.gaussian_filter(mask.astype(np.float32), (0, 3, 3))
    smooth = ndi.gaussian_filter(np.where(mask, image, 0), (0, 3, 3)) / np.maximum(weight, 1e-3)
    return robust_spread((image - smooth)[mask])


def correlation_length(centred: Array, mask: Array, axis: int) -> float:
    """Lag in mm at which the autocorrelation inside the label falls to 1/e."""
    variance = float(np.mean(centred[mask] ** 2)) + 1e-9
    previous = 1.0
    for lag in range(1, 30):
        first = np.take(centred, range(lag, centred.shape[axis]), axis)
        second = np.take(centred, range(centred.shape[axis] - lag), axis)
        both = np.take(mask, range(lag, mask.shape[axis]), axis) & np.take(
            mask, range(mask.shape[axis] - lag), axis
        )
        if both.sum() < 200:
            return float(lag)
        now = float(np.mean((first * second)[both])) / variance
        if now < np.exp(-1):
            return float(lag - 1 + (previous - np.exp(-1)) / (previous - now))
        previous = now
    return 30.0


def edge_width(image: Array, inside: Array, brain: Array) -> float:
    """Distance over which the mean profile falls from 84 % to 16 % across the outline."""
    within, beyond = ndi.distance_transform_edt(inside), ndi.distance_transform_edt(~inside)
    distance = np.where(inside, within - 0.5, 0.5 - beyond)
    inner_brain = ndi.binary_erosion(brain, iterations=4)
    bins = np.arange(-6, 6) + 0.5
    profile = [
        float(np.median(image[inner_brain & (np.abs(distance - position) < 0.75)]))
        for position in bins
    ]
    low, high = min(profile), max(profile)
    scaled = np.maximum.accumulate((np.array(profile) - low) / max(high - low, 1e-6))
    return float(np.interp(0.84, scaled, bins) - np.interp(0.16, scaled, bins))


def shape_numbers(segmentation: Array) -> dict[tuple[str, ...], float]:
    whole = segmentation > 0
    where = np.argwhere(whole)
    box = where.max(0) - where.min(0) + 1
    surface = sum(int(np.count_nonzero(np.diff(whole.astype(np.int8), axis=k))) for k in range(3))
    volume = int(whole.sum())
    filled = ndi.binary_opening(whole, iterations=2).sum()
    numbers = {
        "volume_ml": volume / 1000,
        "log_volume_ml": float(np.log(volume / 1000)),
        "box_s_mm": float(box[0]),
        "box_a_mm": float(box[1]),
        "box_r_mm": float(box[2]),
        # voxel faces against those of a ball of the same volume: 1 is a ball
        "surface_ratio": surface / (1.5 * (36 * np.pi) ** (1 / 3) * volume ** (2 / 3)),
        "thin_fraction": 1 - float(filled) / volume,
        "box_fill": volume / float(np.prod(box)),
        "components": float(ndi.label(whole)[1]),
    }
    for label, name in LABELS.items():
        numbers[f"fraction_{name}"] = float((segmentation == label).sum() / volume)
    return {("shape", "mask", key): value for key, value in numbers.items()}


def nest(rows: dict[tuple[str, ...], list[float]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, values in sorted(rows.items()):
        branch = tree
        for part in key[:-1]:
            branch = branch.setdefault(part, {})
        branch[key[-1]] = {
            "mean": round(float(np.mean(values)), 4),
            "sd": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else 0.0,
            "n": len(values),
        }
    return tree


if __name__ == "__main__":
    main()
