"""Ways in which a copy may be hidden: mirrored, turned and shifted ROIs.

Generators are trained on mirrored and turned ROIs (seeds 000 and 001: flips, 30 degrees), so that a
copy may come back as one of those.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from napari_tumor_synth.imaging.intensity import BACKGROUND

DEGREES = 30
_AXES = ("S", "A", "R")
_PLANES = {"axial": (1, 2), "coronal": (0, 2), "sagittal": (0, 1)}
_MASK_SHARE = 0.5  # of a turned voxel that must be tumour


@dataclass(frozen=True, slots=True)
class Transform:
    """What is done to an ROI before it is compared: mirrored, then turned, then shifted.

    Attributes
    ----------
    mirror : int or None
        Axis (0, 1, 2 for S, A, R) along which it is mirrored.
    plane : {"axial", "coronal", "sagittal"} or None
        In which it is turned about the middle of the grid.
    degrees : int
        By how much, as `scipy.ndimage.rotate` counts.
    shift : tuple of int
        Voxels along (S, A, R).
    """

    mirror: int | None = None
    plane: str | None = None
    degrees: int = 0
    shift: tuple[int, int, int] = (0, 0, 0)

    def __str__(self) -> str:
        parts = []
        if self.mirror is not None:
            parts.append(f"mirrored along {_AXES[self.mirror]}")
        if self.plane is not None:
            parts.append(f"turned by {self.degrees} degrees in the {self.plane} plane")
        if any(self.shift):
            parts.append(f"shifted by {', '.join(map(str, self.shift))} voxels (S, A, R)")
        return ", ".join(parts) or "none"

    def shifted(self, shift: tuple[int, int, int]) -> "Transform":
        """Return the same with another shift."""
        return replace(self, shift=shift)

    def apply(self, image: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return an ROI (C, S, A, R), background exactly -1, transformed.

        Intensities are interpolated linearly among voxels of the tumour. What is shifted beyond
        the grid is lost.
        """
        if self.plane is None:
            still = np.asarray(image, np.float32) - BACKGROUND
            return self.move(still) + np.float32(BACKGROUND)
        mask = image[:1] > BACKGROUND
        parts = self.move(np.concatenate([mask, np.where(mask, image, 0)]).astype(np.float32))
        inside = parts[0] > _MASK_SHARE
        return np.where(inside, parts[1:] / np.where(inside, parts[0], 1), np.float32(BACKGROUND))

    def move(self, parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return volumes (N, S, A, R) with a background of 0, transformed linearly."""
        if self.mirror is not None:
            parts = np.flip(parts, self.mirror + 1)
        if self.plane is not None:
            parts = _turned(parts, _PLANES[self.plane], self.degrees)
        if any(self.shift):
            parts = _shifted(parts, self.shift)
        return np.ascontiguousarray(parts)


def all_transforms() -> Iterator[Transform]:
    """Give all that are searched, in place; the first leaves an ROI as it is."""
    turns = [(None, 0), *itertools.product(_PLANES, (DEGREES, -DEGREES))]
    for mirror, (plane, degrees) in itertools.product((None, 2, 1, 0), turns):
        yield Transform(mirror, plane, degrees)


def _turned(parts: NDArray[np.float32], axes: tuple[int, int], degrees: int) -> NDArray[np.float32]:
    """Turn volumes about the middle of their grid, computing only where something comes to lie."""
    shape = np.array(parts.shape[1:])
    first, second = axes
    angle = np.deg2rad(degrees)
    matrix = np.eye(3)  # from voxels of the result to those given
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = np.sin(angle), -np.sin(angle)
    middle = (shape - 1) / 2
    offset = middle - matrix @ middle
    turned = np.zeros_like(parts)
    filled = np.argwhere(parts.any(axis=0))
    if len(filled) == 0:
        return turned
    box = np.stack([filled.min(axis=0) - 1, filled.max(axis=0) + 1])
    corners = np.array(list(itertools.product(*box.T))) - offset
    reached = corners @ matrix  # = inverse @ corner, because a turn's inverse is its transpose
    low = np.clip(np.floor(reached.min(axis=0)).astype(int), 0, shape)
    high = np.clip(np.ceil(reached.max(axis=0)).astype(int) + 1, low, shape)
    place = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    for part, result in zip(parts, turned, strict=True):
        result[place] = affine_transform(
            part, matrix, offset + matrix @ low, tuple(high - low), order=1
        )
    return turned


def _shifted(parts: NDArray[np.float32], shift: tuple[int, int, int]) -> NDArray[np.float32]:
    moved = np.zeros_like(parts)
    sizes = list(zip(shift, parts.shape[1:], strict=True))
    to = (slice(None), *(slice(max(by, 0), max(size + min(by, 0), 0)) for by, size in sizes))
    origin = (slice(None), *(slice(max(-by, 0), max(size - max(by, 0), 0)) for by, size in sizes))
    moved[to] = parts[origin]
    return moved
