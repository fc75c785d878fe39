"""What is said of two images that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.widgets.compare.difference_colours import UNIT
from napari_tumor_synth.widgets.planes.anatomy import position_text

if TYPE_CHECKING:
    from napari_tumor_synth.evaluation.transforms import Transform
    from napari_tumor_synth.widgets.compare.compare_tools import Mode
    from napari_tumor_synth.widgets.compare.pair import Pair
    from napari_tumor_synth.widgets.planes.crosshair import Position

_AXES: dict[str, tuple[str, str]] = {
    "axial": ("anterior", "right"),
    "coronal": ("superior", "right"),
    "sagittal": ("superior", "anterior"),
}
_OPPOSITE = {"right": "left", "anterior": "posterior", "superior": "inferior"}
_MIRRORED = ("top to bottom", "front to back", "left to right")
_TOWARD = ("superior", "anterior", "right")


def titled(kind: str, name: str) -> str:
    """Return the name of an ROI with what it is marked as."""
    return name if name.startswith(kind) else f"{kind}: {name}"


def mode_words(pair: Pair, mode: Mode, *, absolute: bool) -> str:
    """Return what is shown, and what was done to the chosen ROI before."""
    one, other = pair.kinds
    if mode == "side":
        words = "Both on one grid, with one crosshair and one window."
    elif mode == "swipe":
        words = f"Left of the line {one}, right of it {other}."
    elif absolute:
        words = f"Absolute difference of {one} and {other} in {UNIT}; background counts as -1."
    else:
        words = f"{one} minus {other} in {UNIT}; background counts as -1."
    if done := transform_words(pair.transform, pair.spacing_mm):
        words += f" For this the {one} ROI is {done}; the {other} one is as it was."
    if pair.transform.mirror is not None and mode == "side":
        words += (
            f" Each pane names the sides of what it shows; the place below is in the {other} one."
        )
    elif pair.transform.mirror is not None:
        words += f" The letters are those of the {other} one."
    return words


def position_words(pair: Pair, position: Position, channel: int) -> str:
    """Return a place, and the intensities of both there; "" outside the grid."""
    values = pair.values_at(position, channel)
    if values is None:
        return ""
    s, a, r = position
    parts = [f"{position_text((r, a, s))} from the middle"]
    for kind, value in zip(pair.kinds, values, strict=True):
        parts.append(f"{kind} " + (f"{value:.2f}" if value > BACKGROUND else "background"))
    parts.append(f"difference {values[0] - values[1]:+.2f}")
    return "   ".join(parts)


def transform_words(transform: Transform, spacing_mm: float) -> str:
    """Return what was done to an ROI, for a radiologist; "" for nothing."""
    parts = []
    if transform.mirror is not None:
        parts.append(f"mirrored {_MIRRORED[transform.mirror]}")
    if transform.plane is not None:
        first, second = _AXES[transform.plane]
        to = second if transform.degrees > 0 else _OPPOSITE[second]
        parts.append(
            f"turned by {abs(transform.degrees)}° in the {transform.plane} plane ({first} to {to})"
        )
    moved = [
        f"{abs(by) * spacing_mm:g} mm to {toward if by > 0 else _OPPOSITE[toward]}"
        for by, toward in zip(transform.shift, _TOWARD, strict=True)
        if by
    ]
    if moved:
        parts.append(f"moved {', '.join(moved)}")
    return ", then ".join(parts)


def transform_badges(transform: Transform) -> tuple[str, ...]:
    """Return a mark for a pane that shows a transformed ROI, and none for another."""
    done = (
        ("mirrored", transform.mirror is not None),
        ("turned", transform.plane is not None),
        ("moved", any(transform.shift)),
    )
    words = ", ".join(word for word, is_so in done if is_so)
    return (words,) if words else ()
