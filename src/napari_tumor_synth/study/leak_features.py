"""What a trivial classifier may look at: everything about a display copy but the tumour itself."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_fill_holes, gaussian_filter, label, laplace

Shown = NDArray[np.uint8]
_DEEP = 2  # voxels from the edge, where noise and spectrum are measured


def background(array: Shown) -> list[float]:
    """Holes in the tumour and specks beside it: background where there should be none."""
    mask = array > 0
    filled = binary_fill_holes(mask)
    parts, count = label(mask)
    sizes = np.bincount(parts.ravel())[1:]
    return [
        float(np.count_nonzero(filled & ~mask)) / np.count_nonzero(filled),
        float(count),
        1 - float(sizes.max()) / float(sizes.sum()),
    ]


def extrema(array: Shown) -> list[float]:
    """Darkest and brightest level, and how many voxels are clipped to the ends."""
    inside = array[array > 0]
    return [
        float(inside.min()),
        float(inside.max()),
        float(np.mean(inside == 1)),
        float(np.mean(inside == 255)),
    ]


def levels(array: Shown) -> list[float]:
    """How many of the levels within the range occur, and how unevenly neighbours are filled."""
    inside = array[array > 0]
    counts = np.bincount(inside, minlength=256).astype(float)
    within = counts[int(inside.min()) : int(inside.max()) + 1]
    smooth = gaussian_filter(within, 2, mode="nearest")
    return [
        float(np.mean(within > 0)),
        float(np.abs(within - smooth).sum() / max(within.sum(), 1)),
    ]


def borders(array: Shown) -> list[float]:
    """How rough, how bright and how uneven the edge of the tumour is."""
    mask = array > 0
    inner = binary_erosion(mask)
    edge = mask & ~inner
    image = array.astype(float)
    within = image[inner] if inner.any() else image[mask]
    volume = np.count_nonzero(mask)
    return [
        np.count_nonzero(edge) / volume ** (2 / 3),
        float(image[edge].mean() - within.mean()),
        float(image[edge].std()),
    ]


def position(array: Shown) -> list[float]:
    """Where the tumour lies, and how its box is cut."""
    filled = np.argwhere(array > 0)
    low, high = filled.min(axis=0), filled.max(axis=0)
    size = np.array(array.shape)
    centre = filled.mean(axis=0) - (size - 1) / 2
    touching = np.count_nonzero(low == 0) + np.count_nonzero(high == size - 1)
    return [*((low + high + 1 - size) / 2).tolist(), *centre.tolist(), float(touching)]


def noise(array: Shown) -> list[float]:
    """How much neighbouring voxels differ, deep in the tumour."""
    deep = _deep(array)
    image = array.astype(float)
    curved = laplace(image)[deep]
    return [
        float(np.median(np.abs(curved))),
        float(np.abs(curved).mean()),
        float(np.median(np.abs(curved)) / max(float(image[deep].std()), 1.0)),
    ]


def spectrum(array: Shown) -> list[float]:
    """How power falls with frequency along the axes, and seams of every second, fourth voxel."""
    image = np.where(array > 0, array - array[array > 0].mean(), 0.0)
    power = np.abs(np.fft.fftn(image)) ** 2
    squares = [np.fft.fftfreq(count) ** 2 for count in array.shape]
    radius = np.sqrt(sum(np.meshgrid(*squares, indexing="ij")))
    edges = np.geomspace(0.04, 0.5, 7)
    rings = [power[(radius >= low) & (radius < high)] for low, high in pairwise(edges)]
    known = [at for at, ring in enumerate(rings) if ring.size]  # small grids lack low frequencies
    middles = np.sqrt(edges[1:] * edges[:-1])[known]
    means = np.array([rings[at].mean() for at in known])
    slope = np.polyfit(np.log(middles), np.log(means + 1e-9), 1)[0]
    fine = power[radius > 0.35].sum() / power.sum()
    deep = _deep(array)
    return [float(slope), float(np.log(fine + 1e-12)), *_seams(array.astype(float), deep)]


def size(array: Shown) -> list[float]:
    """How large the tumour is."""
    return [float(np.count_nonzero(array))]


OF_IMAGES: dict[str, Callable[[Shown], list[float]]] = {
    "background": background,
    "extrema": extrema,
    "number of levels": levels,
    "borders": borders,
    "position": position,
    "noise": noise,
    "spectrum": spectrum,
    "size": size,
}


def of_file(path: Path) -> list[float]:
    """Return what the file system tells: bytes and times."""
    told = os.stat(path)
    return [float(told.st_size), told.st_mtime, told.st_atime]


def _deep(array: Shown) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = array > 0
    deep: NDArray[np.bool_] = binary_erosion(mask, iterations=_DEEP)
    return deep if np.count_nonzero(deep) >= 27 else mask


def _seams(image: NDArray[np.float64], deep: NDArray[np.bool_]) -> list[float]:
    """Return how much mean differences between neighbours depend on the place modulo 2 and 4."""
    found = []
    for period in (2, 4):
        strengths = []
        for axis in range(3):
            steps = np.abs(np.diff(image, axis=axis))
            both = np.logical_and(np.delete(deep, -1, axis=axis), np.delete(deep, 0, axis=axis))
            place = np.indices(steps.shape)[axis] % period
            parts = [steps[both & (place == at)] for at in range(period)]
            means = [part.mean() for part in parts if part.size]
            if means:
                strengths.append(np.ptp(means) / max(float(np.mean(means)), 1e-6))
        found.append(float(max(strengths, default=0.0)))
    return found
