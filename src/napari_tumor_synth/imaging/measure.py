"""How large a lesion is: volume and longest diameters.

Diameters run between the outer faces of voxels: a row of five voxels of 2 mm is 10 mm long.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist, pdist, squareform

from napari_tumor_synth.errors import EmptySegmentationError

_FEW = 8  # of so few points all pairs are compared at once, without a hull

Points = NDArray[np.float64]


@dataclass(frozen=True)
class LesionSize:
    """Size of a lesion.

    Attributes
    ----------
    volume_ml : float
    longest_mm : float
        Longest diameter in space.
    axial_mm : float
        Longest diameter within one axial slice of the grid.
    perpendicular_mm : float
        Longest diameter of that slice at right angles to it, to within a voxel. The product of
        the two is the bidimensional measure of the RANO criteria [1]_.
    axial_slice : int
        Index of that slice.

    References
    ----------
    .. [1] Wen et al., Updated Response Assessment Criteria for High-Grade Gliomas, J Clin Oncol
       28, 2010.
    """

    volume_ml: float
    longest_mm: float
    axial_mm: float
    perpendicular_mm: float
    axial_slice: int


def measure_lesion(mask: NDArray[Any], affine: NDArray[np.float64]) -> LesionSize:
    """Measure a lesion.

    Parameters
    ----------
    mask : ndarray, (S, A, R)
        Not 0 inside the lesion; several parts count as one lesion.
    affine : ndarray, (4, 4)
        Canonical (r, a, s) voxel indices to mm; sheared or oblique ones are measured in space.

    Raises
    ------
    EmptySegmentationError
        The mask is empty.
    """
    inside = np.asarray(mask) != 0
    if not inside.any():
        raise EmptySegmentationError(
            "There is nothing to measure: the lesion is empty.",
            "Choose labels that the segmentation holds.",
        )
    inside, first = _cropped(inside)
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    longest = _longest(_face_centres(_surface(inside), affine, axes=(0, 1, 2)))
    axial, number = max(
        (
            (_longest(_slice_points(inside, index, affine)), -index)
            for index in np.flatnonzero(inside.any(axis=(1, 2))).tolist()
        ),
        key=lambda found: (round(found[0], 6), found[1]),  # the first of equals, as rounded
    )
    return LesionSize(
        volume_ml=float(np.count_nonzero(inside)) * voxel_ml,
        longest_mm=longest,
        axial_mm=axial,
        perpendicular_mm=_perpendicular(inside, -number, affine),
        axial_slice=first - number,
    )


def _cropped(inside: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Return the box around a lesion, and the index of its first slice; distances stay the same."""
    box = []
    for axis in range(inside.ndim):
        others = tuple(other for other in range(inside.ndim) if other != axis)
        filled = np.flatnonzero(inside.any(axis=others))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return inside[tuple(box)], box[0].start


def _surface(inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return indices (N, ndim) of voxels with a face that no other voxel covers."""
    padded = np.pad(inside, 1)
    middle = (slice(1, -1),) * inside.ndim
    enclosed = np.ones_like(inside)
    for axis in range(inside.ndim):
        for step in (1, -1):
            enclosed &= np.roll(padded, step, axis)[middle]
    return np.argwhere(inside & ~enclosed)


def _slice_points(inside: NDArray[np.bool_], index: int, affine: NDArray[np.float64]) -> Points:
    edge = _surface(inside[index])
    voxels = np.column_stack([np.full(len(edge), index), edge])
    return _face_centres(voxels, affine, axes=(1, 2))


def _face_centres(
    voxels: NDArray[np.intp], affine: NDArray[np.float64], axes: tuple[int, ...]
) -> Points:
    """Return the centres of both faces of voxels (N, 3) across the given axes, in mm."""
    halves = np.concatenate([sign * 0.5 * np.eye(3)[list(axes)] for sign in (1, -1)])
    points = (voxels[:, None] + halves).reshape(-1, 3)[:, ::-1]
    located: Points = points @ affine[:3, :3].T + affine[:3, 3]
    return located


def _longest(points: Points) -> float:
    corners = _hull(points)
    return float(pdist(corners).max())


def _hull(points: Points) -> Points:
    """Return the points that can be ends of the longest diameter."""
    flat = points - points.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat, full_matrices=False)
    spanned = flat @ directions[sizes > 1e-6 * sizes[0]].T  # a slice has no third dimension
    if len(points) <= _FEW or spanned.shape[1] == 1:
        return points
    try:
        corners: Points = points[ConvexHull(spanned).vertices]
    except QhullError:
        return points
    return corners


def _perpendicular(inside: NDArray[np.bool_], index: int, affine: NDArray[np.float64]) -> float:
    points = _slice_points(inside, index, affine)
    corners = _hull(points)
    apart = squareform(pdist(corners))
    first, second = np.unravel_index(apart.argmax(), apart.shape)
    direction = (corners[second] - corners[first]) / apart[first, second]
    along = points @ direction
    voxel = float(np.linalg.norm(affine[:3, :3], axis=0)[:2].min())
    level = np.abs(along[:, None] - along) <= voxel / 2
    return float(np.where(level, cdist(points, points), 0).max())
