"""A distance that was measured in a pane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.planes.crosshair import Position


@dataclass(frozen=True)
class Ruler:
    """A line in one slice.

    Attributes
    ----------
    begin, end : Position
        Both ends (S, A, R) in mm.
    """

    begin: Position
    end: Position

    @property
    def label(self) -> str:
        """The length, for a person."""
        return f"{math.dist(self.begin, self.end):.1f} mm"

    def is_in_slice(self, axis: int, value: float, thickness: float) -> bool:
        """Tell whether it was drawn in the slice across an axis at a place, all in mm."""
        return abs(self.begin[axis] - value) < thickness / 2
