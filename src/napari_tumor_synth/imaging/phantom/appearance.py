"""How tissue and tumour look in each sequence.

Intensities are in units of normal white matter. Means, spreads and textures of the tumour are
drawn within the ranges measured per label over real cases (``label_statistics.json``).
"""

from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.kernels import mix_tissue
from napari_tumor_synth.imaging.phantom.settings import ClassName

WHITE_GREY_FLUID = {
    "flair": (1.0, 1.14, 0.30),
    "t1": (1.0, 0.76, 0.34),
    "t1ce": (1.0, 0.80, 0.36),
    "t2": (1.0, 1.35, 2.60),
}
"""Normal white matter, grey matter and cerebrospinal fluid."""


@dataclass(frozen=True)
class Look:
    """Means of the parts of one tumour in one sequence, in units of normal white matter.

    Attributes
    ----------
    oedema, core, enhancing, fluid, pale : float
        Means of the parts.
    coarse, fine : float
        Standard deviation of the texture over about 8 mm, and over about 3 mm, relative.
    dark_spots : float
        Depth of small dark foci, relative.
    """

    oedema: float
    core: float
    enhancing: float
    fluid: float
    pale: float
    coarse: float
    fine: float
    dark_spots: float


def look_of(class_name: ClassName, sequence: str, rng: np.random.Generator) -> Look:
    """Draw how one tumour looks in one sequence."""
    draw = rng.uniform
    if sequence == "flair":
        if class_name == "HGG":
            oedema = float(np.clip(rng.lognormal(np.log(1.75), 0.20), 1.3, 2.5))
            return Look(
                oedema=oedema,
                core=oedema * draw(0.80, 1.08),
                enhancing=oedema * draw(0.78, 1.10),
                fluid=draw(0.55, 1.1),
                pale=1.0,
                coarse=draw(0.10, 0.18),
                fine=draw(0.05, 0.12),
                dark_spots=draw(0.0, 0.35),
            )
        core = float(np.clip(rng.lognormal(np.log(1.6), 0.15), 1.2, 2.2))
        return Look(
            oedema=core * draw(0.86, 1.0),
            core=core,
            enhancing=core * draw(0.95, 1.1),
            fluid=draw(0.35, 0.65),
            pale=draw(0.85, 1.15),
            coarse=draw(0.05, 0.09),
            fine=draw(0.025, 0.05),
            dark_spots=0.0,
        )
    means = {
        "t1": (0.98, 0.86, 0.93, 0.62, 0.78),
        "t1ce": (0.99, 0.86, 1.45, 0.60, 0.78),
        "t2": (1.60, 1.95, 1.85, 2.70, 2.35),
    }[sequence]
    oedema, core, enhancing, fluid, pale = (m * float(rng.normal(1, 0.06)) for m in means)
    if sequence == "t1ce" and class_name == "LGG":
        enhancing *= 0.9
    grainy = 1.6 if class_name == "HGG" else 1.0
    return Look(oedema, core, enhancing, fluid, pale, 0.05 * grainy, 0.04 * grainy, 0.0)


@dataclass(frozen=True, eq=False)
class Textures:
    """Textures that all sequences of a case share, ``(s, a, r)`` in voxels of 1 mm."""

    coarse: Array
    fine: Array
    spots: Array

    @classmethod
    def drawn(cls, shape: tuple[int, ...], rng: np.random.Generator) -> "Textures":
        """Draw the textures of one case."""
        return cls(
            smooth_field(shape, rng.uniform(5.0, 9.0), rng),
            0.8 * smooth_field(shape, rng.uniform(1.8, 3.0), rng)
            + 0.6 * smooth_field(shape, 1, rng),
            np.clip(2.5 * (smooth_field(shape, rng.uniform(1.2, 2.5), rng) - 1.3), 0, 1),
        )

    def stacked(self) -> Array:
        """Return all textures as ``(3, s, a, r)``."""
        return np.stack([self.coarse, self.fine, self.spots])


def tissue_intensity(maps: Array, sequence: str, wide: float) -> Array:
    """Return the brain before the tumour.

    Parameters
    ----------
    maps : (3, s, a, r)
        White matter, grey matter and brain.
    sequence : str
        Which contrast.
    wide : float
        How much wider than in young adults, of whom the template is the mean, the sulci are.
    """
    intensity = np.empty(maps.shape[1:], np.float32)
    mix_tissue(maps, np.array(WHITE_GREY_FLUID[sequence], np.float32), wide, intensity)
    return intensity


def tumour_intensity(fields: Array, textures: Array, tissue: Array, look: Look) -> Array:
    """Return the intensity inside the tumour box.

    Parameters
    ----------
    fields : (6, s, a, r)
        Whole, core, enhancing, fluid, pale, depth.
    textures : (3, s, a, r)
        Coarse, fine, spots.
    tissue : (s, a, r)
        The tissue that was there before.
    """
    whole, core, enhancing, fluid, pale, depth = fields
    coarse, fine, spots = textures
    # fluid gathers towards the core; a little of the old contrast shines through
    swollen = look.oedema * (0.88 + 0.22 * depth) * (0.8 + 0.2 * tissue)
    solid = swollen + core * (look.core - swollen)
    solid = solid + enhancing * (look.enhancing - solid)
    grain = 0.6 + 0.6 * core
    solid = solid * (1 + grain * (look.coarse * coarse + look.fine * fine))
    solid = solid * (1 - look.dark_spots * spots * np.clip(core, 0.15, 1))
    solid = solid + pale * (look.pale - solid)
    solid = solid + fluid * (look.fluid * (1 + 0.14 * coarse + 0.1 * fine) - solid)
    mixed: Array = tissue + whole * (solid - tissue)
    return mixed
