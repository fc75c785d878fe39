"""What makes an ROI doubtful, as sentences for the user."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.imaging.volume import Volume

LARGEST_BRAIN_ML = 2200
"""Brains with their fluid stay below 2 litres; the eighteen real cases span 1.17 to 1.56.

A head with its skull has 3 litres and more.
"""


def image_warnings(sequence: str, image: Volume, mask: NDArray[np.bool_]) -> list[str]:
    """Return what is doubtful about one sequence.

    The background counts as not zero when less than half of the volume's outer faces is exactly 0,
    and the skull as present when more than 2.2 litres are not 0. A part of a head with its skull
    on a background of 0 can therefore go unnoticed.
    """
    empty = image.array == 0
    if _share_on_faces(empty) < 0.5:
        return [
            f"{sequence}: the background is not 0, so the intensity window includes it; "
            "strip the skull and set the background to 0."
        ]
    warnings = []
    brain_ml = (empty.size - np.count_nonzero(empty)) * image.voxel_volume_ml
    if brain_ml > LARGEST_BRAIN_ML:
        warnings.append(
            f"{sequence}: {brain_ml / 1000:.1f} litres are not 0, more than a brain has, so the "
            "intensity window includes skull and scalp; strip the skull."
        )
    outside = np.count_nonzero(empty & mask) / np.count_nonzero(mask)
    if outside > 0.01:
        warnings.append(
            f"{sequence}: {outside:.1%} of the tumour's voxels are 0; image and segmentation may "
            "not belong together."
        )
    return warnings


def edge_warnings(mask: NDArray[np.bool_]) -> list[str]:
    """Return a sentence when the tumour reaches a face of the volume."""
    if _share_on_faces(mask) == 0:
        return []
    return ["The tumour touches the edge of the volume: part of it may be missing."]


def loss_warnings(lost_fraction: float, box_extent: str) -> list[str]:
    """Return a sentence when the box does not hold the whole tumour."""
    if lost_fraction == 0:
        return []
    return [
        f"{lost_fraction:.2%} of the tumour's volume lies outside the box of {box_extent}; "
        "a larger size or a coarser spacing would hold more."
    ]


def _share_on_faces(where: NDArray[Any]) -> float:
    faces = [where.take(end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    return float(np.concatenate(faces).mean())
