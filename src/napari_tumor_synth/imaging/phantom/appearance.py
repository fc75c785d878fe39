"""How tissue and tumour look in each sequence.

Intensities are in units of normal white matter. Means, spreads and textures of the tumour are
drawn within the ranges measured per label over real cases (``label_statistics.json``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.kernels import mix_tissue
from napari_tumor_synth.imaging.phantom.settings import ClassName

WHITE_GREY_FLUID = {
    "flair": (1.0, 1.08, 0.34),
    "t1": (1.0, 0.76, 0.34),
    "t1ce": (1.0, 0.80, 0.36),
    "t2": (1.0, 1.35, 2.60),
}
"""Normal white matter, grey matter and cerebrospinal fluid."""


_FLUID_PALE = {
    "flair": (0.6, 1.0),
    "t1": (0.62, 0.72),
    "t1ce": (0.60, 0.72),
    "t2": (2.70, 2.35),
}
"""Cyst or necrotic fluid, and solid tumour with T2-FLAIR mismatch."""
_FLUID_FLAIR = {"HGG": (0.6, 1.35), "LGG": (0.35, 0.7)}
_MIDDLE = {"HGG": (0.1, 0.5), "LGG": (0.0, 0.3)}
"""Range of how much brighter the middle is than the border in FLAIR and T2, relative.

This and the shares of texture were adjusted with ``scripts/compare_phantom_with_real.py``.
"""
_TEXTURE = {"HGG": (0.48, 1.15), "LGG": (0.25, 0.85)}
"""Share of the measured coarse and fine spread that is texture; the rest of the coarse comes from
depth, necrosis, cysts and the tissue beneath; blur and slices take away some of the fine."""


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
    middle : float
        How much brighter the middle is than the border, relative.
    """

    oedema: float
    core: float
    enhancing: float
    fluid: float
    pale: float
    coarse: float
    fine: float
    dark_spots: float
    middle: float


@cache
def label_statistics() -> Mapping[str, Any]:
    """Return the numbers measured over real cases: class, label, sequence, what; mean and sd."""
    text = resources.files(__package__).joinpath("label_statistics.json").read_text("utf-8")
    statistics: Mapping[str, Any] = json.loads(text)["statistics"]
    return statistics


def look_of(class_name: ClassName, sequence: str, rng: np.random.Generator) -> Look:
    """Draw how one tumour looks in one sequence, as cases of its class differ."""
    measured = label_statistics()[class_name]
    bright = rng.normal()  # what is bright in one part is in the others, too

    def level(label: str) -> float:
        one = measured[label][sequence]["level"]
        variation = min(one["sd"] / one["mean"], 0.2)
        z = np.clip(0.75 * bright + 0.66 * rng.normal(), -1.8, 1.8)
        return float(one["mean"] * np.exp(variation * z))

    oedema, core, enhancing = level("oedema"), level("core"), level("enhancing")
    fluid, pale = (m * float(rng.normal(1, 0.06)) for m in _FLUID_PALE[sequence])
    dark_spots, middle_gain = 0.0, 0.0
    if sequence == "flair":
        oedema = max(oedema, 1.2)
        core = float(np.clip(core, 0.75 * oedema, 1.3 * oedema))
        enhancing = float(np.clip(enhancing, 0.75 * oedema, 1.25 * oedema))
        fluid = rng.uniform(*_FLUID_FLAIR[class_name])
        pale *= rng.uniform(0.85, 1.15)
        dark_spots = rng.uniform(0.0, 0.2) if class_name == "HGG" else 0.0
        middle_gain = rng.uniform(*_MIDDLE[class_name])
    if sequence == "t1ce" and class_name == "HGG":
        # the rim is thin: blur and slices take a share of its brightness away
        enhancing = max(1.2 * enhancing, 1.4 * max(core, oedema))
    if sequence == "t2":
        fluid = max(fluid, 1.1 * core)
        middle_gain = rng.uniform(*_MIDDLE[class_name])
    texture = measured["enhancing" if class_name == "HGG" else "oedema"][sequence]
    middle, fine = texture["level"]["mean"], texture["fine"]["mean"]
    coarse = np.sqrt(max(texture["spread"]["mean"] ** 2 - fine**2, 0)) / middle
    coarse_share, fine_share = _TEXTURE[class_name]
    strength = float(np.exp(0.25 * rng.normal()))
    return Look(
        oedema, core, enhancing, fluid, pale,
        coarse_share * coarse * strength, fine_share * fine / middle * strength,
        dark_spots, middle_gain,
    )  # fmt: skip


def noise_share(class_name: ClassName, sequence: str) -> float:
    """Return how grainy a sequence is, compared with FLAIR, in white matter of real cases."""
    white = label_statistics()[class_name]["white"]
    share: float = white[sequence]["noise"]["mean"] / white["flair"]["noise"]["mean"]
    return share


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
    # a little of the old contrast shines through
    swollen = look.oedema * (0.85 + 0.15 * tissue)
    solid = swollen + core * (look.core - swollen)
    solid = solid + enhancing * (look.enhancing - solid)
    grain = 0.9 + 0.2 * core
    solid = solid * np.exp(grain * (look.coarse * coarse + look.fine * fine))
    solid = solid * (1 - look.dark_spots * spots * np.clip(core, 0.15, 1))
    solid = solid * (
        1 + look.middle * (depth - 0.2)
    )  # infiltration and water gather towards the middle
    solid = solid + pale * (look.pale - solid)
    solid = solid + fluid * (look.fluid * (1 + 0.14 * coarse + 0.1 * fine) - solid)
    mixed: Array = tissue + whole * (solid - tissue)
    return mixed
