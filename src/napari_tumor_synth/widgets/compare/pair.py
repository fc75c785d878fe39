"""Two images that are compared voxel by voxel, and what one sees of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_tumor_synth.imaging.contact_sheet import widest_planes
from napari_tumor_synth.imaging.intensity import BACKGROUND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.evaluation.transforms import Transform
    from napari_tumor_synth.widgets.planes.crosshair import Position


@dataclass(frozen=True, eq=False)
class Pair:
    """An ROI and the real one it is compared with, on one grid.

    Attributes
    ----------
    chosen : ndarray of float32, (C, S, A, R)
        The ROI as it was compared, that is after `transform`.
    match : ndarray of float32, (C, S, A, R)
    kinds, names : tuple of str
        What each is marked as, and called.
    sequences : tuple of str
        One a channel.
    spacing_mm : float
    transform : Transform
        What was done to the chosen one.
    """

    chosen: NDArray[np.float32]
    match: NDArray[np.float32]
    kinds: tuple[str, str]
    names: tuple[str, str]
    sequences: tuple[str, ...]
    spacing_mm: float
    transform: Transform

    @property
    def first(self) -> NDArray[np.float64]:
        """Position (S, A, R) of the first voxel in mm, from the middle of the grid."""
        return -self.spacing_mm * (np.array(self.match.shape[1:]) - 1) / 2

    @property
    def limits(self) -> tuple[Position, Position]:
        """Corners (S, A, R) in mm, up to the faces of the outermost voxels."""
        s, a, r = (self.spacing_mm * np.array(self.match.shape[1:]) / 2).tolist()
        return (-s, -a, -r), (s, a, r)

    @cached_property
    def tumours(self) -> tuple[Position, Position]:
        """Corners (S, A, R) in mm of a box around both tumours."""
        inside = (self.match > BACKGROUND).any(0) | (self.chosen > BACKGROUND).any(0)
        places = np.argwhere(inside)
        low = self.first + self.spacing_mm * (places.min(axis=0) - 0.5)
        high = self.first + self.spacing_mm * (places.max(axis=0) + 0.5)
        return tuple(low.tolist()), tuple(high.tolist())

    @property
    def middle(self) -> Position:
        """Where the planes meet that show most of the real tumour, (S, A, R) in mm."""
        widest = widest_planes(self.match[0] > BACKGROUND)
        index = [widest["axial"], widest["coronal"], widest["sagittal"]]
        s, a, r = (self.first + self.spacing_mm * np.array(index)).tolist()
        return s, a, r

    def values_at(self, position: Position, channel: int) -> tuple[float, float] | None:
        """Return the intensities of both at a position; None outside the grid."""
        index = np.rint((np.array(position) - self.first) / self.spacing_mm).astype(int)
        if (index < 0).any() or (index >= self.match.shape[1:]).any():
            return None
        place = (channel, *index.tolist())
        return float(self.chosen[place]), float(self.match[place])

    def difference(self, channel: int, *, absolute: bool = False) -> NDArray[np.float32]:
        """Return the chosen one minus the real one, (S, A, R) in intensities of ROIs, -2 to 2."""
        difference = self.chosen[channel] - self.match[channel]
        return np.abs(difference) if absolute else difference

    def swiped(
        self, channel: int, axis: int, at: float, *, toward_right: bool
    ) -> NDArray[np.float32]:
        """Return an image (S, A, R): the chosen one left of a line on the screen, then the real.

        Parameters
        ----------
        channel : int
        axis : int
            Of (S, A, R), that is horizontal on the screen.
        at : float
            Where the line is on that axis, in mm.
        toward_right : bool
            Whether the axis points to the right of the screen.
        """
        centres = self.first[axis] + self.spacing_mm * np.arange(self.match.shape[1 + axis])
        below = int(np.searchsorted(centres, at))
        left = slice(0, below) if toward_right else slice(below, None)
        place = (slice(None),) * axis + (left,)
        both = self.match[channel].copy()
        both[place] = self.chosen[channel][place]
        return both
