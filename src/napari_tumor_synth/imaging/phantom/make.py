"""Simulate one case: anatomy, growth, mass effect, appearance, acquisition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError, UnknownClassError
from napari_tumor_synth.imaging.phantom.acquisition import (
    blurred_in_plane,
    in_slices,
    in_units,
    noisy,
    shaded,
)
from napari_tumor_synth.imaging.phantom.anatomy import (
    LATTICE_MM,
    Bend,
    in_patient,
    random_bend,
    template,
)
from napari_tumor_synth.imaging.phantom.appearance import (
    Textures,
    look_of,
    noise_share,
    tissue_intensity,
    tumour_intensity,
)
from napari_tumor_synth.imaging.phantom.compartments import (
    ENHANCING,
    NECROTIC,
    OEDEMA,
    Compartments,
    compartments_of,
)
from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field
from napari_tumor_synth.imaging.phantom.growth import BOX, GRID_MM, grow_tumour, tissue_around
from napari_tumor_synth.imaging.phantom.kernels import sample_bent, sample_pushed
from napari_tumor_synth.imaging.phantom.mass_effect import push_of
from napari_tumor_synth.imaging.phantom.settings import (
    CLASSES,
    SEQUENCES,
    ClassName,
    PhantomCase,
    PhantomSettings,
)
from napari_tumor_synth.imaging.volume import Volume

_BOX_MM = BOX * GRID_MM
_MEDIAN_ML = {"HGG": 85.0, "LGG": 90.0}
_SPREAD = 0.5
_TENTORIUM_MM = -12.0


def make_phantom(
    class_name: str, seed: int, settings: PhantomSettings | None = None
) -> PhantomCase:
    """Simulate a case of a class; the same seed gives the same case.

    Parameters
    ----------
    class_name : {"HGG", "LGG"}
        High- or low-grade glioma.
    seed : int
        At least 0.
    settings : PhantomSettings, optional
        How to simulate.

    Raises
    ------
    UnknownClassError
        Another class; the message lists the classes.
    InputError
        A negative seed, or a centre outside the brain.
    """
    known = require_known([class_name])[0]
    if seed < 0:
        raise InputError(f"The seed {seed} is negative.", "Use a whole number from 0.")
    settings = settings or PhantomSettings()
    rng = np.random.default_rng([seed, CLASSES.index(known)])
    bend = random_bend(rng)
    centre = _centre(settings, bend, rng)
    tissue = tissue_around(centre, bend)
    whole_ml = settings.volume_ml or float(
        np.clip(_MEDIAN_ML[known] * rng.lognormal(0, _SPREAD), 15, 240)
    )
    core_ml = whole_ml * (rng.uniform(0.15, 0.5) if known == "HGG" else 0.95)
    growth = grow_tumour(tissue, known, core_ml, rng)
    parts = compartments_of(known, tissue, growth, whole_ml, rng)
    push = push_of(parts.core > 0.5, rng.uniform(3, 9) if known == "HGG" else rng.uniform(1, 5))
    return _image(known, seed, settings, bend, tissue.start, parts, push, rng)


def require_known(class_names: Sequence[str]) -> list[ClassName]:
    """Return the names when the phantom has these classes.

    Raises
    ------
    UnknownClassError
        It lacks one; the message lists those it has.
    """
    for class_name in class_names:
        if class_name not in CLASSES:
            raise UnknownClassError(
                f"The phantom has no class {class_name!r}.", f"Choose one of: {', '.join(CLASSES)}."
            )
    return [name for wanted in class_names for name in CLASSES if name == wanted]


def _centre(settings: PhantomSettings, bend: Bend, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return where the tumour starts, in template voxels (s, a, r) of the patient."""
    origin = np.array(template().origin)
    if settings.centre_mm is not None:
        centre = np.array(settings.centre_mm[::-1]) - origin
        tissue = tissue_around(centre, bend)
        middle = slice(BOX // 2 - 4, BOX // 2 + 4)
        if (tissue.white + tissue.grey)[middle, middle, middle].max() < 0.6:
            raise InputError(
                f"The centre {settings.centre_mm} mm lies outside the brain.",
                "Choose RAS millimetres of MNI space inside the brain, such as (30, 10, 30).",
            )
        return np.asarray(centre, dtype=np.float64)
    white = template().maps[0]
    places = np.argwhere(white[::3, ::3, ::3] > 0.75) * 3
    world = places + origin
    above = (world[:, 0] > _TENTORIUM_MM) & (np.abs(world[:, 2]) > 10) & (world[:, 1] > -85)
    chosen = places[above]
    drawn: NDArray[np.float64] = chosen[rng.integers(len(chosen))].astype(np.float64)
    return in_patient(drawn, bend)


def _image(
    class_name: ClassName,
    seed: int,
    settings: PhantomSettings,
    bend: Bend,
    start: Array,
    parts: Compartments,
    push: Array,
    rng: np.random.Generator,
) -> PhantomCase:
    maps = np.zeros_like(template().maps)
    sample_bent(
        template().maps, bend.lattice, LATTICE_MM, push, start, GRID_MM,
        np.zeros(3, np.float32), 1.0, maps,
    )  # fmt: skip
    corner = np.rint(start - 0.5 * (GRID_MM - 1)).astype(int)
    box = np.zeros((6, _BOX_MM, _BOX_MM, _BOX_MM), np.float32)
    sample_pushed(parts.stacked(), push, GRID_MM, box)
    here, there = _overlap(corner, maps.shape[1:])
    fields = box[(slice(None), *there)]
    textures = Textures.drawn(fields.shape[1:], rng).stacked()
    brain = maps[2]
    inside = np.clip((maps[0] + maps[1])[here] * 4 - 1.0, 0, 1) * (brain[here] > 0.5)
    fields[0] *= inside  # no tumour in ventricles and sulci
    labels = np.zeros(brain.shape, np.uint8)
    labels[here] = _labels(fields, rng.uniform(0.0, 0.45), rng)
    thickness, axis = _slices(settings, rng)
    noise = settings.noise * (1.0 if thickness > 1 else 0.55)  # thin slices are averaged longer
    grain = 0.05 * smooth_field(brain.shape, 1, rng) + 0.04 * smooth_field(brain.shape, 3, rng)
    wide, in_plane = rng.uniform(1.0, 2.6), rng.uniform(0.35, 0.8)
    images: dict[str, Volume] = {}
    for sequence in SEQUENCES:
        look = look_of(class_name, sequence, rng)
        own = np.random.default_rng([seed, SEQUENCES.index(sequence), CLASSES.index(class_name)])
        if sequence not in settings.sequences:
            continue
        share = noise_share(class_name, sequence)
        image: Array = tissue_intensity(maps, sequence, wide) * (1 + np.float32(share) * grain)
        image[here] = tumour_intensity(fields, textures, image[here], look)
        image = noisy(shaded(image, own), share * noise * own.uniform(0.6, 1.6), own)
        image = blurred_in_plane(image, in_plane, axis)
        image = in_slices(image, thickness, axis, own)
        images[sequence] = Volume(in_units(image, brain, own), template().affine)
    segmentation = Volume(labels, template().affine)
    return PhantomCase(images, segmentation, class_name, seed, settings)


def _overlap(
    corner: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the box's part of the head, and the head's part of the box."""
    here, there = [], []
    for low, edge in zip(corner.tolist(), shape, strict=True):
        first, last = max(low, 0), min(low + _BOX_MM, edge)
        here.append(slice(first, last))
        there.append(slice(first - low, last - low))
    return tuple(here), tuple(there)


def _labels(fields: Array, raggedness: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the outlines as a person with a threshold tool would: ragged to a degree."""
    whole, core, enhancing, fluid, _, _ = fields
    near_border = np.clip(6 * whole * (1 - whole), 0, 1)
    whole = whole + raggedness * smooth_field(whole.shape, 1, rng) * near_border
    labels = np.where(core > 0.5, NECROTIC, OEDEMA)
    labels = np.where((enhancing > 0.5) & (fluid < 0.5), ENHANCING, labels)
    return np.where(whole > 0.5, labels, 0).astype(np.uint8)


def _slices(settings: PhantomSettings, rng: np.random.Generator) -> tuple[float, int]:
    """Return thickness in mm and axis of the slices, mostly axial."""
    thick, axis = rng.random() < settings.thick_slices, int(rng.choice(3, p=[0.8, 0.1, 0.1]))
    return (float(rng.uniform(2.5, 6.0)) if thick else 1.0), axis
