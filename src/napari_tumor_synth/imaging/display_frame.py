"""The axes along which a case is shown, and where its grids lie on them.

Viewers show arrays along their own axes. Where these are the anatomical ones, a position on the
screen is a position in the patient. Those of an oblique scan are not: it is shown along its own
axes, undistorted and not resampled, and positions are turned back into anatomical space to be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import GridMismatchError
from napari_tumor_synth.imaging.affines import largest_shift_mm
from napari_tumor_synth.imaging.volume import GRID_TOLERANCE_MM, Volume

_PARALLEL = 1e-3  # difference of unit vectors: single precision of headers, and some


@dataclass(frozen=True)
class Placement:
    """Where a grid lies in a frame.

    Attributes
    ----------
    scale, translate : tuple of float
        Voxel edges, and the position of the centre of the first voxel, along the frame's axes in
        the order (S, A, R), in mm.
    """

    scale: tuple[float, float, float]
    translate: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class DisplayFrame:
    """Three directions in space with positions in mm along them.

    Attributes
    ----------
    axes : ndarray, (3, 3) float64
        Unit vectors as columns, towards right, anterior and superior as nearly as the scan has
        them, in RAS+ coordinates. The identity for a scan that is not oblique.
    obliquity_degrees : float
        Largest angle between an axis and its anatomical direction; 0 for the identity.

    Examples
    --------
    >>> frame = DisplayFrame.of(Volume(np.zeros((4, 4, 4)), np.diag([1.0, 1.0, 2.0, 1.0])))
    >>> frame.place(np.diag([1.0, 1.0, 2.0, 1.0])).scale
    (2.0, 1.0, 1.0)
    """

    axes: NDArray[np.float64]
    obliquity_degrees: float = 0.0

    @classmethod
    def of(cls, volume: Volume) -> "DisplayFrame":
        """Return the frame of a volume.

        A rotation that moves no voxel by more than the tolerance of headers counts as none.
        """
        straight = volume.affine.copy()
        straight[:3, :3] = np.diag(volume.spacing[::-1])
        if largest_shift_mm(volume.affine, straight, volume.shape) <= GRID_TOLERANCE_MM:
            return cls(np.eye(3))
        return cls(_directions(volume.affine), volume.obliquity_degrees)

    @property
    def is_oblique(self) -> bool:
        """Whether positions on the screen differ from positions in the patient."""
        return self.obliquity_degrees > 0

    def place(self, affine: NDArray[np.float64]) -> Placement:
        """Return where a canonical grid lies.

        Parameters
        ----------
        affine : ndarray, (4, 4)
            Canonical voxel indices (r, a, s) to RAS+ mm.

        Raises
        ------
        GridMismatchError
            The grid's axes are not those of the frame: it cannot be shown undistorted beside it.
        """
        if not np.allclose(_directions(affine), self.axes, atol=_PARALLEL):
            raise GridMismatchError(
                "The image lies at an angle to the case that is shown.",
                "Resample it to the grid of the case, or open it as a case of its own.",
            )
        scale = np.linalg.norm(affine[:3, :3], axis=0)
        return Placement(_reversed(scale), self.from_world(affine[:3, 3].tolist()))

    def to_world(self, position: Sequence[float]) -> tuple[float, float, float]:
        """Return the RAS+ mm (R, A, S) of a position (S, A, R) in the frame."""
        r, a, s = (self.axes @ np.asarray(position, np.float64)[::-1]).tolist()
        return r, a, s

    def from_world(self, position: Sequence[float]) -> tuple[float, float, float]:
        """Return the position (S, A, R) in the frame of a point (R, A, S) in RAS+ mm."""
        return _reversed(np.linalg.solve(self.axes, np.asarray(position, np.float64)))


def _directions(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    directions: NDArray[np.float64] = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return directions


def _reversed(values: NDArray[np.floating]) -> tuple[float, float, float]:
    r, a, s = values.tolist()
    return s, a, r
