"""Which way is up, and what stands at the edges of a pane.

Arrays are (S, A, R), so that an index grows toward superior, anterior and right. Everything that
decides sides is in this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Plane = Literal["axial", "coronal", "sagittal"]
Convention = Literal["radiological", "neurological"]
Direction = Literal["A", "P", "L", "R", "S", "I"]

PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")

ORDER: dict[Plane, tuple[int, int, int]] = {
    "axial": (0, 1, 2),
    "coronal": (1, 0, 2),
    "sagittal": (2, 0, 1),
}
"""Axes of (S, A, R) in each plane: across it, vertical, horizontal."""

CAMERA_3D = ("away", "up", "left")
"""Orientation of a 3D camera that shows (S, A, R) arrays unmirrored."""

VIEWS_3D: dict[Direction, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "A": ((0, -1, 0), (1, 0, 0)),
    "P": ((0, 1, 0), (1, 0, 0)),
    "L": ((0, 0, 1), (1, 0, 0)),
    "R": ((0, 0, -1), (1, 0, 0)),
    "S": ((-1, 0, 0), (0, 1, 0)),
    "I": ((1, 0, 0), (0, 1, 0)),
}
"""View and up directions (S, A, R) of a camera that stands on that side of the patient."""

_TOWARD: dict[int, Direction] = {0: "S", 1: "A", 2: "R"}
_OPPOSITE: dict[Direction, Direction] = {"S": "I", "I": "S", "A": "P", "P": "A", "R": "L", "L": "R"}


@dataclass(frozen=True)
class EdgeLetters:
    """Directions at the edges of a pane."""

    top: Direction
    bottom: Direction
    left: Direction
    right: Direction


def orientation_2d(plane: Plane, convention: Convention) -> tuple[str, str]:
    """Return where the vertical and the horizontal axis of a plane point to on the screen.

    Radiological: the patient's right is on the left of the screen, as if seen from the feet or the
    front. Sagittal planes show anterior on the left in both conventions.
    """
    mirrored = convention == "neurological" and plane != "sagittal"
    return "up", "right" if mirrored else "left"


def edge_letters(plane: Plane, convention: Convention) -> EdgeLetters:
    """Return the letters for the edges of a pane."""
    _, vertical, horizontal = ORDER[plane]
    _, side = orientation_2d(plane, convention)
    top, toward = _TOWARD[vertical], _TOWARD[horizontal]
    left = toward if side == "left" else _OPPOSITE[toward]
    return EdgeLetters(top, _OPPOSITE[top], left, _OPPOSITE[left])


def mirrored_letters(letters: EdgeLetters, plane: Plane, axis: int) -> EdgeLetters:
    """Return the letters for an image that was mirrored along an axis of (S, A, R)."""
    _, vertical, horizontal = ORDER[plane]
    top, bottom, left, right = letters.top, letters.bottom, letters.left, letters.right
    if axis == vertical:
        top, bottom = bottom, top
    if axis == horizontal:
        left, right = right, left
    return EdgeLetters(top, bottom, left, right)


def position_text(ras_mm: tuple[float, float, float]) -> str:
    """Return a position for a person, such as "R 17.6  P 35.3  S 12.1 mm"."""
    letters = ("RL", "AP", "SI")
    parts = [
        f"{pair[value < 0]} {abs(value):.1f}" for pair, value in zip(letters, ras_mm, strict=True)
    ]
    return "  ".join(parts) + " mm"
