"""Pairs of a real and a synthetic ROI that do not differ in what a ruler tells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_tumor_synth.errors import StudyError

_FAR = 1e6


@dataclass(frozen=True, slots=True)
class Outline:
    """What pairs are matched by.

    Attributes
    ----------
    class_name : str
    volume_ml : float
    extent_mm : (3,) tuple of float
        Of the box around the tumour along S, A and R.
    centre_mm : (3,) tuple of float
        Of gravity, from the middle of that box: where in it the tumour lies.
    """

    class_name: str
    volume_ml: float
    extent_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]


def outline_of(array: NDArray[np.uint8], spacing_mm: float, class_name: str) -> Outline:
    """Return the outline of a display copy."""
    filled = np.argwhere(array > 0)
    low, high = filled.min(axis=0), filled.max(axis=0)
    centre = (filled.mean(axis=0) - (low + high) / 2) * spacing_mm
    extent = (high - low + 1) * spacing_mm
    return Outline(
        class_name,
        len(filled) * spacing_mm**3 / 1000,
        (float(extent[0]), float(extent[1]), float(extent[2])),
        (float(centre[0]), float(centre[1]), float(centre[2])),
    )


def match(
    synthetic: Sequence[Outline], real: Sequence[Outline], *, same_class: bool
) -> NDArray[np.int64]:
    """Return the number of the real ROI (n,) that each synthetic one is shown with.

    All pairs together are as alike as can be: in the logarithm of the volume, and in extent and
    centre relative to the size. No real ROI is shown twice.

    Parameters
    ----------
    synthetic, real : sequence of Outline
    same_class : bool
        Whether both of a pair must have the same class.

    Raises
    ------
    StudyError
        There are too few real ROIs, of a class perhaps.
    """
    if len(real) < len(synthetic):
        raise _too_few(len(synthetic), len(real), "")
    cost = np.array([[_distance(one, other) for other in real] for one in synthetic])
    if same_class:
        differ = np.array([[a.class_name != b.class_name for b in real] for a in synthetic])
        cost = np.where(differ, _FAR, cost)
    rows, columns = linear_sum_assignment(cost)
    if (cost[rows, columns] >= _FAR).any():
        name = synthetic[int(rows[np.argmax(cost[rows, columns])])].class_name
        wanted = sum(one.class_name == name for one in synthetic)
        there = sum(one.class_name == name for one in real)
        raise _too_few(wanted, there, f" of class {name}")
    found: NDArray[np.int64] = columns
    return found


def _distance(one: Outline, other: Outline) -> float:
    sides = np.array([one.extent_mm, other.extent_mm])
    centres = np.array([one.centre_mm, other.centre_mm])
    size = np.cbrt(1000 * max(one.volume_ml, other.volume_ml))
    return float(
        abs(np.log(one.volume_ml / other.volume_ml))
        + np.abs(np.diff(np.log(sides), axis=0)).sum() / 3
        + np.linalg.norm(np.diff(centres, axis=0)) / size
    )


def _too_few(wanted: int, there: int, which: str) -> StudyError:
    return StudyError(
        f"{wanted} pairs take as many real ROIs{which}, and there are {there} of different "
        "patients.",
        "Plan fewer pairs, or add real cases.",
    )
