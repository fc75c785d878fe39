"""Anatomies: the ICBM152 2009a tissue maps, bent into a different brain for every case."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_wm_template,
)
from numpy.typing import NDArray

from napari_tumor_synth.imaging.phantom.fields import Array, smooth_field

LATTICE_MM = 16
_MARGIN = 14
_BEND_MM = 4.0
_STRETCH = 0.04
_SMALLER = 0.10  # the template's mask holds 1.9 litres, patients' brains 1.2 to 1.6


@dataclass(frozen=True, eq=False)
class TissueMaps:
    """Tissue maps on a 1 mm grid around the brain.

    Attributes
    ----------
    maps : Array
        ``(3, S, A, R)``: white matter, grey matter, brain; probabilities in [0, 1].
    origin : tuple of float
        RAS mm of voxel (0, 0, 0), in (s, a, r) order.
    """

    maps: Array
    origin: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (S, A, R)."""
        _, s, a, r = self.maps.shape
        return s, a, r

    @property
    def affine(self) -> NDArray[np.float64]:
        """Canonical (r, a, s) indices to RAS mm."""
        affine = np.eye(4)
        affine[:3, 3] = self.origin[::-1]
        return affine


@dataclass(frozen=True, eq=False)
class Bend:
    """From a place in the patient to the place in the template: ``x + displacement(x)``.

    Attributes
    ----------
    lattice : Array
        ``(3, s, a, r)`` displacement in voxels at points `LATTICE_MM` apart.
    """

    lattice: Array


@cache
def template() -> TissueMaps:
    """Return the tissue maps of the template, cropped to the brain."""
    white, grey, brain = (
        load(resolution=1)
        for load in (load_mni152_wm_template, load_mni152_gm_template, load_mni152_brain_mask)
    )
    mask = np.asarray(brain.dataobj) > 0
    corners = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    low = [max(0, int(c[0]) - _MARGIN) for c in corners]
    high = [min(n, int(c[-1]) + 1 + _MARGIN) for c, n in zip(corners, mask.shape, strict=True)]
    cut = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    maps = np.stack(
        [np.asarray(image.dataobj, dtype=np.float32)[cut].T for image in (white, grey, brain)]
    )
    r, a, s = np.asarray(brain.affine)[:3, 3] + low
    return TissueMaps(np.ascontiguousarray(maps), (float(s), float(a), float(r)))


def random_bend(rng: np.random.Generator) -> Bend:
    """Return a smooth random deformation: other proportions, other folds, another size."""
    shape = template().shape
    points = tuple(-(-edge // LATTICE_MM) + 2 for edge in shape)
    lattice = np.stack([_BEND_MM * smooth_field(points, 1.2, rng) for _ in range(3)])
    for axis, edge in enumerate(shape):
        stretch = float(rng.normal(_SMALLER, _STRETCH))
        place = np.arange(points[axis], dtype=np.float32) * LATTICE_MM - edge / 2
        view = [1, 1, 1]
        view[axis] = -1
        lattice[axis] += stretch * place.reshape(view)
    return Bend(lattice.astype(np.float32))


def in_patient(place: NDArray[np.float64], bend: Bend) -> NDArray[np.float64]:
    """Return where a place of the template (voxels, s a r) lies in the bent brain."""
    found = place.copy()
    for _ in range(10):  # fixed point of x = place - displacement(x); the bend is a contraction
        corner = np.clip(
            np.rint(found / LATTICE_MM).astype(int), 0, np.array(bend.lattice.shape[1:]) - 1
        )
        found = place - bend.lattice[:, corner[0], corner[1], corner[2]]
    return found
