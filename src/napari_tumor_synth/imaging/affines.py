"""Affines: where voxels lie, how far two grids are apart, which axes are anatomical."""

import itertools
from collections.abc import Sequence

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError

_FARTHEST_MM = 1e6
_SMALLEST_VOXEL_MM = 1e-6


def closest_axes(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Assign each voxel axis to an anatomical axis, so that the rotation left over is smallest.

    nibabel's `io_orientation` does the same except near 45 degrees, where its choice changes when
    it is applied to its own result. Here ties keep the order that the axes have.

    Returns
    -------
    ndarray, (3, 2)
        For each voxel axis the anatomical axis (0 right, 1 anterior, 2 superior) and 1 or -1.
    """
    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)

    def fit(order: tuple[int, ...]) -> tuple[bool, float]:
        along = np.abs(cosines[order, (0, 1, 2)])
        return bool(along.min() > 1e-6), round(float(along.sum()), 4)

    order = max(itertools.permutations(range(3)), key=fit)
    return np.column_stack([order, np.sign(cosines[order, (0, 1, 2)])])


def largest_shift_mm(
    first: NDArray[np.float64], second: NDArray[np.float64], shape_sar: Sequence[int]
) -> float:
    """Return how far two affines put a voxel of the same canonical grid apart at most, in mm.

    The distance is a convex function of the position, so a corner holds the maximum.
    """
    return affine_distance_mm(first, second, tuple(shape_sar)[::-1])


def affine_distance_mm(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: Sequence[int]
) -> float:
    """Return the largest distance of two affines over the corners of a grid of `shape`, in mm."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.asarray(shape) - 1)
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return float(np.linalg.norm(nib.affines.apply_affine(difference, corners), axis=1).max())


def is_orthogonal(affine: NDArray[np.float64]) -> bool:
    """Tell whether the axes of an affine are at right angles, up to single precision."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-5))


def require_usable_affine(affine: NDArray[np.float64]) -> None:
    """Raise VolumeError when voxel indices cannot be mapped to millimetres and back."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise VolumeError(
            "The affine holds values that are not finite.", "Repair the header or convert anew."
        )
    if np.abs(affine).max() > _FARTHEST_MM:
        raise VolumeError(
            f"The affine puts voxels more than {_FARTHEST_MM:g} mm away.",
            "Repair the header or convert anew.",
        )
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    volume = abs(np.linalg.det(affine[:3, :3]))
    if not (np.all(sizes > _SMALLEST_VOXEL_MM) and volume > 1e-6 * np.prod(sizes)):
        raise VolumeError(
            "The affine is singular: voxels have no volume.", "Repair the header or convert anew."
        )
