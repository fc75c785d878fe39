"""Boxes of voxels laid over a grid with parallel axes, and masked resampling into them.

A box is described along each axis in index coordinates of the grid it is cut from, where voxel
``i`` covers ``[i - 0.5, i + 0.5]``. Resampling is linear and separable: one weight matrix an axis.
A box with the grid's own spacing and a whole shift has weights 0 and 1, so that values are copied
exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tumor_synth.imaging.volume import Volume

SAME_SPACING = 1e-3
"""Relative difference below which spacings count as equal, or as whole multiples."""


@dataclass(frozen=True)
class BoxAxis:
    """One axis of a box: `length` voxels, each `ratio` voxels of the grid wide, from `edge` on."""

    edge: float
    ratio: float
    length: int

    @property
    def first_centre(self) -> float:
        """Grid index of the centre of the first voxel."""
        return self.edge + self.ratio / 2

    def coverage(self, grid_length: int) -> NDArray[np.float64]:
        """Share of each grid voxel that lies in the box, (grid_length,) in [0, 1]."""
        return _overlaps(self.edge, self.edge + self.ratio * self.length, grid_length)

    def weights(self, grid_length: int) -> NDArray[np.float64]:
        """Weights of the grid's voxels in each voxel of the box, (length, grid_length).

        A box voxel wider than the grid's is the area mean of those it covers, as a scanner's
        larger voxel would be (for a whole ratio: the mean of a block); a narrower one is
        interpolated linearly. Either is exact where the image is linear in space. What lies
        outside the grid counts as 0.
        """
        if self.ratio >= 1:
            return self._area_weights(grid_length)
        centres = self.first_centre + self.ratio * np.arange(self.length)
        distances = np.abs(centres[:, None] - np.arange(grid_length))
        weights: NDArray[np.float64] = np.clip(1 - distances, 0, None)
        return weights

    def _area_weights(self, grid_length: int) -> NDArray[np.float64]:
        margin = math.ceil(self.ratio) + 1
        weights = np.empty((self.length, grid_length + 2 * margin))
        voxels = np.arange(weights.shape[1])
        for row, number in zip(weights, range(self.length), strict=True):
            start = self.edge + margin + self.ratio * number
            row[:] = _overlaps(start, start + self.ratio, len(row)) / self.ratio
            covered = np.flatnonzero(row)
            if len(covered) < 2:
                continue
            # A voxel that is covered in part counts at its centre, which lies off that part.
            off_centre = row @ voxels - (start + self.ratio / 2)
            shifted = off_centre / (covered[-1] - covered[0])
            row[covered[0]] += shifted
            row[covered[-1]] -= shifted
        return weights[:, margin:-margin]


Box = tuple[BoxAxis, BoxAxis, BoxAxis]


def box_around(mask: NDArray[np.bool_], size: Sequence[int], ratios: Sequence[float]) -> Box:
    """Centre a box on the bounding box of a mask, its edges on edges of the mask's voxels.

    Parameters
    ----------
    mask : ndarray of bool, (S, A, R)
        At least one voxel is set.
    size : sequence of int
        Voxels of the box along (S, A, R).
    ratios : sequence of float
        Spacing of the box over the spacing of the mask, along (S, A, R).
    """
    axes = []
    for axis in range(3):
        present = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        centre = (present[0] + present[-1]) / 2
        edge = np.floor(centre - size[axis] * ratios[axis] / 2 + 1) - 0.5
        axes.append(BoxAxis(float(edge), float(ratios[axis]), int(size[axis])))
    return axes[0], axes[1], axes[2]


def affine_of_box(grid_affine: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Return the canonical affine of a box laid over a grid, (4, 4): (r, a, s) to RAS mm."""
    step = np.diag([*(axis.ratio for axis in reversed(box)), 1.0])
    step[:3, 3] = [axis.first_centre for axis in reversed(box)]
    affine: NDArray[np.float64] = grid_affine @ step
    return affine


def box_of_affine(
    grid_affine: NDArray[np.float64], affine: NDArray[np.float64], size: Sequence[int]
) -> Box | None:
    """Return the box of `size` that lies at `affine` over a grid; None if axes are not parallel."""
    relative = np.linalg.solve(grid_affine, affine)
    ratios = np.diag(relative)[:3]
    turned = relative[:3, :3] - np.diag(ratios)
    if np.any(ratios <= 0) or np.abs(turned).max() * max(size) > 0.1:  # a tenth of a voxel
        return None
    axes = []
    for axis, length in enumerate(size):
        ratio = whole_ratio(float(ratios[2 - axis]))
        edge = _half_edge(float(relative[2 - axis, 3]) - ratio / 2)
        axes.append(BoxAxis(edge, ratio, int(length)))
    return axes[0], axes[1], axes[2]


def whole_ratio(ratio: float) -> float:
    """Return the whole number, or the fraction of 1, that a ratio of spacings nearly is."""
    whole = float(round(ratio)) if ratio >= 1 else 1 / round(1 / ratio)
    return whole if abs(ratio / whole - 1) < SAME_SPACING else ratio


def covered_share(mask: NDArray[np.bool_], box: Box) -> float:
    """Return the share of the mask's volume that lies in the box."""
    inside: NDArray[Any] = mask.astype(np.float64)
    for axis in reversed(box):
        inside = inside @ axis.coverage(inside.shape[-1])
    return float(inside) / float(mask.sum())


def resample_masked(
    channels: Sequence[NDArray[Any]] | NDArray[Any], mask: NDArray[np.bool_], box: Box
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Resample channels into a box from the voxels inside the mask alone.

    A box voxel belongs to the mask when at least half of it does; its value is the weighted mean
    of the masked voxels, so that neither background nor healthy tissue bleeds into the edge.

    Parameters
    ----------
    channels : C ndarrays, (S, A, R)
    mask : ndarray of bool, (S, A, R)

    Returns
    -------
    values : ndarray of float64, (C, *size of the box)
        0 outside the mask.
    inside : ndarray of bool, (*size of the box)
    """
    tight = tuple(
        slice(present[0], present[-1] + 1) if present.size else slice(0, 1)
        for present in (
            np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))
        )
    )
    matrices = [
        axis.weights(length)[:, part]
        for axis, length, part in zip(box, mask.shape, tight, strict=True)
    ]
    tumour = mask[tight].astype(np.float64)
    share = _apply(matrices, tumour)
    inside = share >= 0.5 - 1e-9
    values = np.zeros((len(channels), *inside.shape))
    for channel, source in zip(values, channels, strict=True):
        channel[inside] = _apply(matrices, source[tight] * tumour)[inside] / share[inside]
    return values, inside


def resample_to_grid(
    volume: Volume, affine: NDArray[np.float64], shape: Sequence[int]
) -> NDArray[np.float32]:
    """Interpolate a volume linearly on any other canonical grid, (S, A, R) float32.

    Beyond the centres of the volume's outer voxels its nearest value is repeated. Nothing is
    smoothed: meant for finer grids, such as maps of scores shown over an image.

    Parameters
    ----------
    volume : Volume
    affine : ndarray, (4, 4) float64
        Canonical (r, a, s) voxel indices of the wanted grid to RAS+ mm.
    shape : sequence of int
        Voxels of the wanted grid along (S, A, R).
    """
    to_source = np.linalg.solve(volume.affine, affine)
    resampled: NDArray[np.float32] = ndimage.affine_transform(
        volume.array.astype(np.float32, copy=False),
        to_source[:3, :3][::-1, ::-1],
        offset=to_source[:3, 3][::-1],
        output_shape=tuple(shape),
        order=1,
        mode="nearest",
    )
    return resampled


def _apply(matrices: Sequence[NDArray[np.float64]], array: NDArray[Any]) -> NDArray[np.float64]:
    for axis, matrix in enumerate(matrices):
        array = np.moveaxis(np.tensordot(matrix, array, axes=(1, axis)), 0, axis)
    return array


def _overlaps(start: float, stop: float, grid_length: int) -> NDArray[np.float64]:
    voxels = np.arange(grid_length)
    overlaps: NDArray[np.float64] = np.minimum(stop, voxels + 0.5) - np.maximum(start, voxels - 0.5)
    return np.clip(overlaps, 0, None)


def _half_edge(edge: float) -> float:
    """Put an edge that nearly is one of the grid's exactly there, so that crops stay exact."""
    snapped = round(edge + 0.5) - 0.5
    return snapped if abs(edge - snapped) < 0.01 else edge
