"""A volume in anatomical space: array (S, A, R), spacing and position, and the file's own grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import GridMismatchError, VolumeError
from napari_tumor_synth.imaging.affines import (
    closest_axes,
    largest_shift_mm,
    require_usable_affine,
)

GRID_TOLERANCE_MM = 0.1
"""Grids whose corners lie closer than this are the same: headers keep single precision."""

_CANONICAL = ("R", "A", "S")


@dataclass(frozen=True, eq=False)
class SourceGrid:
    """How a file stored its voxels, so that saving gives back the user's own grid.

    Attributes
    ----------
    orientation : tuple of str
        Where each of the file's axes points to, e.g. ``("L", "P", "S")``.
    shape : tuple of int
        Voxels along the file's axes.
    affine : ndarray, (4, 4) float64
        The file's affine: its voxel indices to RAS+ millimetres.
    header : nibabel.Nifti1Header or None
        The file's header, when it was NIfTI.
    """

    orientation: tuple[str, str, str]
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    header: Any = None

    @classmethod
    def of(
        cls, shape: Sequence[int], affine: NDArray[np.float64], header: Any = None
    ) -> "SourceGrid":
        """Describe a grid by its shape and affine; the closest anatomical axes name it.

        Raises
        ------
        VolumeError
            The affine is not finite or singular.
        """
        affine = np.array(affine, dtype=np.float64)
        require_usable_affine(affine)
        first, second, third = nib.orientations.ornt2axcodes(closest_axes(affine))
        i, j, k = (int(length) for length in shape)
        return cls((first, second, third), (i, j, k), affine, header)

    @property
    def canonical_affine(self) -> NDArray[np.float64]:
        """Affine of the same voxels in the order (r, a, s), (4, 4) float64."""
        moves = closest_axes(self.affine)
        affine: NDArray[np.float64] = self.affine @ nib.orientations.inv_ornt_aff(moves, self.shape)
        return affine

    def to_canonical(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Turn an array in the file's axis order into a contiguous (S, A, R) array."""
        ordered = nib.apply_orientation(stored, closest_axes(self.affine))
        return np.ascontiguousarray(ordered.transpose(2, 1, 0))

    def from_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an (S, A, R) array into the file's axis order."""
        back = nib.orientations.ornt_transform(
            nib.orientations.axcodes2ornt(_CANONICAL), closest_axes(self.affine)
        )
        stored: NDArray[Any] = nib.apply_orientation(array.transpose(2, 1, 0), back)
        return stored


@dataclass(frozen=True, eq=False)
class Volume:
    """One image or segmentation in anatomical space.

    Attributes
    ----------
    array : ndarray, (S, A, R)
        float32 intensities or integer labels; indices grow to Superior, Anterior, Right.
    affine : ndarray, (4, 4) float64
        Maps canonical voxel indices ``(r, a, s, 1)`` to RAS+ millimetres; ``array[s, a, r]`` is
        the voxel at ``affine @ (r, a, s, 1)``.
    source : SourceGrid or None
        The grid of the file it was read from; None for a volume that was made or cropped.
    notes : tuple of str
        What the reader should tell the user, one sentence each.

    Raises
    ------
    VolumeError
        The array is not 3D or empty, the affine is singular, not finite or not canonical.
    ValueError
        `source` describes another grid: a cropped or resampled volume must not keep it.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    source: SourceGrid | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.array.ndim != 3 or 0 in self.array.shape:
            raise VolumeError(
                f"A volume needs three axes with voxels, not the shape {self.array.shape}.",
                "Give one 3D image.",
            )
        require_usable_affine(self.affine)
        axes = nib.orientations.ornt2axcodes(closest_axes(self.affine))
        if axes != _CANONICAL:
            raise VolumeError(
                f"The axes {axes} of the affine are not (R, A, S).",
                "Bring the voxels into canonical order with SourceGrid.to_canonical.",
            )
        if self.source is not None and not self._is_on(self.source):
            raise ValueError("The volume does not lie on the grid that its source describes.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (S, A, R)."""
        s, a, r = self.array.shape
        return s, a, r

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along (S, A, R) in mm."""
        r, a, s = nib.affines.voxel_sizes(self.affine)
        return float(s), float(a), float(r)

    @property
    def obliquity_degrees(self) -> float:
        """Largest angle between a voxel axis and its closest anatomical axis, in degrees."""
        return float(np.degrees(np.max(nib.affines.obliquity(self.affine))))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    def world_of(self, index_sar: Sequence[float]) -> NDArray[np.float64]:
        """Return the position of a voxel index (s, a, r) in RAS+ millimetres, (3,) float64."""
        r_a_s = np.asarray(index_sar, dtype=np.float64)[::-1]
        position: NDArray[np.float64] = self.affine[:3, :3] @ r_a_s + self.affine[:3, 3]
        return position

    def same_grid_as(self, other: "Volume", tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """Tell whether both have the same voxels at the same places, up to `tolerance_mm`."""
        return (
            self.shape == other.shape
            and largest_shift_mm(self.affine, other.affine, self.shape) <= tolerance_mm
        )

    def _is_on(self, grid: SourceGrid) -> bool:
        moves = closest_axes(grid.affine)
        shape_ras = [0, 0, 0]
        for axis, (target, _) in enumerate(moves):
            shape_ras[int(target)] = grid.shape[axis]
        return tuple(shape_ras[::-1]) == self.shape and bool(
            np.allclose(grid.canonical_affine, self.affine, rtol=0, atol=1e-6)
        )


def require_same_grid(image: Volume, segmentation: Volume, image_name: str = "Image") -> None:
    """Make sure that an image and a segmentation lie on the same voxel grid.

    Raises
    ------
    GridMismatchError
        With the sizes, the spacings or the shift by which they differ.
    """
    if image.same_grid_as(segmentation):
        return
    difference = _difference(image, segmentation)
    raise GridMismatchError(
        f"{image_name} and segmentation lie on different grids: {difference}.",
        "Resample the segmentation to the image, or give the files that belong together.",
    )


def _difference(image: Volume, segmentation: Volume) -> str:
    if image.shape != segmentation.shape:
        return f"{_times(image.shape)} against {_times(segmentation.shape)} voxels (S x A x R)"
    if not np.allclose(image.spacing, segmentation.spacing, rtol=1e-3, atol=0):
        return f"{_times(image.spacing)} against {_times(segmentation.spacing)} mm (S x A x R)"
    shift = largest_shift_mm(image.affine, segmentation.affine, image.shape)
    return f"the same voxels lie up to {shift:.3g} mm apart"


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
