"""What a tumour is made of: enhancing rim, necrosis, cysts, infiltration, oedema."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.growth import GRID_MM, Growth, Tissue
from napari_tumor_synth.imaging.phantom.settings import ClassName

NECROTIC, OEDEMA, ENHANCING = 1, 2, 4

Mask = NDArray[np.bool_]

_THINNEST_RIM_MM = 2.5


@dataclass(frozen=True, eq=False)
class Compartments:
    """Soft membership ``(s, a, r)`` in [0, 1] on the growth grid; `core` holds the inner parts.

    Attributes
    ----------
    whole : Array
        The whole tumour.
    core : Array
        Solid tumour and what lies within.
    enhancing : Array
        Where contrast agent leaks.
    fluid : Array
        Necrotic fluid (HGG) or cysts (LGG).
    pale : Array
        Solid tumour that FLAIR suppresses (T2-FLAIR mismatch).
    depth : Array
        0 at the border of the whole tumour to 1 deep inside.
    """

    whole: Array
    core: Array
    enhancing: Array
    fluid: Array
    pale: Array
    depth: Array

    def stacked(self) -> Array:
        """Return all fields as ``(6, s, a, r)``."""
        return np.stack([self.whole, self.core, self.enhancing, self.fluid, self.pale, self.depth])


def compartments_of(
    class_name: ClassName,
    tissue: Tissue,
    growth: Growth,
    whole_ml: float,
    rng: np.random.Generator,
) -> Compartments:
    """Divide a tumour.

    Parameters
    ----------
    class_name : {"HGG", "LGG"}
        HGG: necrosis within an enhancing rim of uneven thickness, oedema in fingers around it.
        LGG: solid or cystic core, infiltration around it; enhancement is rare and small.
    tissue, growth : Tissue, Growth
        What grew where.
    whole_ml : float
        Volume of the whole tumour.
    """
    solid = growth.cells / (growth.core_level + 1e-6)
    core = np.clip(0.5 + 2.0 * (solid - 1), 0, 1)
    if class_name == "HGG":
        in_tracts = growth.fluid * (0.35 + 0.65 * tissue.white)
        spread = np.maximum(_roughened(in_tracts, 0.25, rng), core)
        whole = _cut_to_volume(spread, whole_ml, core > 0.5)
        return _high_grade(core, whole, rng)
    whole = _cut_to_volume(
        _roughened(solid * (0.6 + 0.4 * tissue.white), 0.18, rng), whole_ml, None
    )
    return _low_grade(solid, whole, rng)


def _high_grade(core: Array, whole: Array, rng: np.random.Generator) -> Compartments:
    depth_mm = _depth_mm(core > 0.5)
    rim_mm = rng.uniform(4, 10)
    uneven = 0.45 * smooth_field(core.shape, 2.5, rng) + 0.35 * smooth_field(core.shape, 5, rng)
    rim = np.maximum(rim_mm * np.exp(uneven), _THINNEST_RIM_MM)
    necrosis = np.clip(0.5 + 0.4 * (depth_mm - rim), 0, 1)
    if rng.random() < 0.15:  # solid
        necrosis *= smooth_field(core.shape, 3, rng) > 1
    if rng.random() < 0.5:
        necrosis *= 1 - _septa(core.shape, rng)
    gaps = np.clip(smooth_field(core.shape, 4, rng) + rng.uniform(1.0, 2.0), 0, 1)
    enhancing = core * (1 - necrosis) * gaps
    clots = 0.6 * smooth_field(core.shape, 4, rng) + 0.45 * smooth_field(core.shape, 1.6, rng)
    runny = necrosis * np.clip(clots + rng.uniform(-0.75, 0.65), 0, 1)
    fluid = runny.astype(np.float32)
    return Compartments(whole, core, enhancing, fluid, np.zeros_like(core), _depth(whole))


def _septa(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return walls of living tumour between chambers of necrosis: zero levels of a random field."""
    field = smooth_field(shape, rng.uniform(3.0, 5.0), rng)
    width = rng.uniform(0.15, 0.4) * np.exp(0.5 * smooth_field(shape, 2, rng))
    return np.asarray(np.clip(1.5 - np.abs(field) / width, 0, 1), dtype=np.float32)


def _low_grade(solid: Array, whole: Array, rng: np.random.Generator) -> Compartments:
    shape = solid.shape
    depth_mm = _depth_mm(whole > 0.5)
    border = rng.uniform(3, 9) * np.exp(0.5 * smooth_field(shape, 4, rng))
    core = np.clip(0.5 + 0.25 * (depth_mm - border), 0, 1)
    fluid = _cysts(core, rng) if rng.random() < 0.3 else np.zeros_like(core)
    pale = np.zeros_like(core)
    if rng.random() < 0.25:
        inner = rng.uniform(3, 8) * np.exp(0.5 * smooth_field(shape, 3, rng))
        patches = 0.25 * smooth_field(shape, 4, rng) + 0.15 * smooth_field(shape, 1.8, rng)
        suppressed = np.clip(rng.uniform(0.55, 0.95) + patches, 0, 1)
        pale = np.clip(0.5 + 0.2 * (depth_mm - inner), 0, 1) * suppressed
    enhancing = np.zeros_like(core)
    if rng.random() < 0.3:
        enhancing = core * np.clip(2 * (smooth_field(shape, 2.5, rng) - 1.7), 0, 1)
    return Compartments(whole, core, enhancing, fluid, pale * (1 - fluid), _depth(whole))


def _cysts(core: Array, rng: np.random.Generator) -> Array:
    """Return up to three rounded cavities deep in the core."""
    cysts = np.zeros_like(core)
    places = np.argwhere(core > 0.9)
    if len(places) == 0:
        return cysts
    grid = np.ogrid[tuple(slice(edge) for edge in core.shape)]
    bumps = 1.2 * smooth_field(core.shape, 3, rng)
    for _ in range(int(rng.integers(1, 4))):
        centre, radius = places[rng.integers(len(places))], rng.uniform(2.5, 8.0)
        squeeze = rng.uniform(0.7, 1.4, 3)
        distance = np.sqrt(
            sum(((g - c) * q) ** 2 for g, c, q in zip(grid, centre, squeeze, strict=True))
        )
        cysts = np.maximum(cysts, np.clip(0.5 + 0.8 * (radius - distance + bumps), 0, 1))
    return (cysts * np.clip(2 * core, 0, 1)).astype(np.float32)


def _roughened(field: Array, amount: float, rng: np.random.Generator) -> Array:
    """Add the unevenness that a threshold turns into a ragged outline."""
    rough = smooth_field(field.shape, 1.0, rng) + smooth_field(field.shape, 2.5, rng)
    roughened: Array = field * np.exp(amount * rough)
    return roughened


def _cut_to_volume(field: Array, volume_ml: float, at_least: Mask | None) -> Array:
    """Turn a field into soft membership so that the wanted volume lies above 0.5."""
    wanted = int(volume_ml * 1000 / GRID_MM**3)
    ordered = np.sort(field[field > 1e-3])[::-1]
    level = float(ordered[min(len(ordered) - 1, wanted)])
    member = np.clip(0.5 + 2.0 * (field / level - 1), 0, 1)
    if at_least is not None:
        member = np.maximum(member, at_least.astype(np.float32))
    components, count = ndimage.label(member > 0.5)
    if count > 1:
        sizes = np.bincount(components.ravel())
        small = sizes < 0.01 * sizes[1:].max()
        small[0] = False
        member = np.where(small[components], 0.2, member)
    return np.asarray(member, dtype=np.float32)


def _depth_mm(mask: Mask) -> Array:
    depth = ndimage.distance_transform_edt(mask) * GRID_MM
    return np.asarray(depth, dtype=np.float32)


def _depth(whole: Array) -> Array:
    depth = _depth_mm(whole > 0.5)
    share: Array = (depth / (depth.max() + 1e-6)).astype(np.float32)
    return share
