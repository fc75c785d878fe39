"""A tumour grows: cells that move along white matter and multiply, and the fluid around them.

Reaction-diffusion growth on a 2 mm grid in a box around the place where the tumour starts. White
matter is crossed about ten times faster than grey matter, fluid not at all, the midline only
through the corpus callosum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tumor_synth.imaging.phantom.anatomy import LATTICE_MM, Bend, template
from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.kernels import grow, sample_bent
from napari_tumor_synth.imaging.phantom.settings import ClassName

GRID_MM = 2
BOX = 72  # voxels: 144 mm hold the largest glioma
_STEPS_AT_ONCE = 15
_MOST_ROUNDS = 60
_GREY_SHARE = 0.12
_MIDLINE_MM = 2.0
_FASTEST_RATE = 0.4  # larger explicit steps overshoot the carrying capacity
_FASTEST = 0.16  # explicit steps are stable up to 1/6


@dataclass(frozen=True, eq=False)
class Tissue:
    """Tissue in the box, before the tumour pushes it: ``(BOX, BOX, BOX)`` each.

    Attributes
    ----------
    white, grey, brain : Array
        Probabilities in [0, 1].
    start : Array
        Place of the first box voxel in template voxels (s, a, r).
    """

    white: Array
    grey: Array
    brain: Array
    start: Array


@dataclass(frozen=True, eq=False)
class Growth:
    """What grew in the box, ``(BOX, BOX, BOX)`` each.

    Attributes
    ----------
    cells : Array
        Cell density in [0, 1].
    fluid : Array
        Vasogenic oedema spreading from the core, in [0, 1].
    core_level : float
        Cell density at the border of the core.
    """

    cells: Array
    fluid: Array
    core_level: float


def tissue_around(centre: NDArray[np.float64], bend: Bend) -> Tissue:
    """Return the patient's tissue in a box around `centre` (template voxels, s a r)."""
    start = (centre - GRID_MM * (BOX - 1) / 2).astype(np.float32)
    out = np.zeros((3, BOX, BOX, BOX), np.float32)
    still = np.zeros((3, 2, 2, 2), np.float32)
    nowhere = np.full(3, -1e6, np.float32)
    sample_bent(template().maps, bend.lattice, LATTICE_MM, still, nowhere, 1.0, start, GRID_MM, out)
    return Tissue(out[0], out[1], out[2], start)


def grow_tumour(
    tissue: Tissue, class_name: ClassName, core_ml: float, rng: np.random.Generator
) -> Growth:
    """Grow a tumour whose core reaches a volume.

    Parameters
    ----------
    tissue : Tissue
        Where it grows.
    class_name : {"HGG", "LGG"}
        HGG grows as a front, LGG seeps along white matter.
    core_ml : float
        Volume of the core (all of the infiltrated region for LGG) to stop at.
    """
    shape = tissue.white.shape
    seeping = class_name == "LGG"
    habitat = _mobility(tissue)
    unevenness = np.exp(0.9 * smooth_field(shape, 2, rng) + 0.9 * smooth_field(shape, 5, rng))
    along = _along(rng)
    mobility = np.clip((0.12 if seeping else 0.07) * habitat * unevenness, 0, _FASTEST)
    pace = (0.06 if seeping else 0.12) * np.exp(0.7 * smooth_field(shape, 4, rng))
    rate = np.clip(pace, 0, _FASTEST_RATE) * (habitat > 0)
    cells = _seeds(tissue, habitat, rng)
    level = 0.25 if seeping else 0.45
    wanted = core_ml * 1000 / GRID_MM**3
    for _ in range(_MOST_ROUNDS):
        if np.count_nonzero(cells > level) >= wanted:
            break
        cells = grow(
            cells, mobility.astype(np.float32), rate.astype(np.float32), along, _STEPS_AT_ONCE
        )
    level = _level_of_volume(cells, wanted, level)
    return Growth(cells, _spread_fluid(tissue, cells > level, rng), level)


def _along(rng: np.random.Generator) -> Array:
    """Return how much faster cells move along each axis: long tracts run from front to back."""
    factors = np.array([0.8, 1.3, 0.9]) * rng.lognormal(0, 0.3, 3)
    along: Array = (factors / factors.mean()).astype(np.float32)
    return along


def _mobility(tissue: Tissue) -> Array:
    """Return how freely cells move, 0 to 1."""
    free = tissue.white + _GREY_SHARE * tissue.grey
    free = np.where(tissue.white + tissue.grey < 0.45, 0, free)  # fluid and what is outside
    side = tissue.start[2] + GRID_MM * np.arange(BOX) + template().origin[2]  # mm, along r
    falx = (np.abs(side) < _MIDLINE_MM) & (tissue.white < 0.75)
    mobility: Array = np.where(falx, 0, free).astype(np.float32)
    return mobility


def _seeds(tissue: Tissue, habitat: Array, rng: np.random.Generator) -> Array:
    """Start at the centre, in 40 % of cases also a little way off.

    Further seeds lie so near that they grow together, mostly: a lone one would grow to a ball.
    """
    cells = np.zeros_like(habitat)
    starts = [np.full(3, BOX // 2)]
    while rng.random() < 0.4 and len(starts) < 4:
        starts.append(starts[-1] + rng.integers(-6, 7, 3))
    places = np.argwhere(habitat > 0.5)
    for start in starts:
        nearest = places[np.argmin(((places - start) ** 2).sum(1))]
        cells[tuple(slice(p - 1, p + 2) for p in nearest)] = 0.8
    return (cells * (habitat > 0)).astype(np.float32)


def _level_of_volume(cells: Array, wanted: float, fallback: float) -> float:
    """Return the density above which `wanted` voxels lie."""
    ordered = np.sort(cells[cells > 0.02])[::-1]
    if len(ordered) == 0:
        return fallback
    return float(ordered[min(len(ordered) - 1, int(wanted))])


def _spread_fluid(tissue: Tissue, core: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Let fluid seep from the core along white matter, in fingers."""
    shape = core.shape
    ways = np.exp(1.0 * smooth_field(shape, 1.3, rng) + 1.2 * smooth_field(shape, 4, rng))
    open_space = _mobility(tissue) ** 3 * ways
    mobility = np.clip(0.14 * open_space, 0, _FASTEST).astype(np.float32)
    mobility[core] = _FASTEST
    nothing, along = np.zeros_like(mobility), np.ones(3, np.float32)
    fluid = core.astype(np.float32)
    for _ in range(8):
        fluid = grow(fluid, mobility, nothing, along, 25)
        fluid[core] = 1
    return np.asarray(ndimage.gaussian_filter(fluid, 0.5), dtype=np.float32)
