"""A box in space that the panes draw, and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.planes.crosshair import Position


@dataclass(frozen=True)
class Box:
    """A box along the axes of the display.

    Attributes
    ----------
    low, high : Position
        Opposite corners (S, A, R) in mm.
    caption : str
        What is in it, "" for nothing to say.
    """

    low: Position
    high: Position
    caption: str = ""

    def covers(self, axis: int, value: float) -> bool:
        """Tell whether a plane across an axis cuts the box."""
        return self.low[axis] <= value <= self.high[axis]
