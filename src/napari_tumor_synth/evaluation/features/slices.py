"""Which slices of an ROI a two-dimensional network sees."""

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.contact_sheet import Plane, plane_image
from napari_tumor_synth.imaging.mask_rule import foreground_of

MOST = 8
"""Slices of an ROI and plane; neighbouring ones say little new."""
SELECTION = (
    f"slices that hold tumour, at most {MOST} of an ROI, evenly spaced; radiological display"
)
_OTHER_AXES: dict[Plane, tuple[int, int]] = {
    "axial": (1, 2), "coronal": (0, 2), "sagittal": (0, 1),
}  # fmt: skip


def tumour_slices(image: NDArray[np.float32], plane: Plane) -> NDArray[np.float32]:
    """Return slices (k, C, height, width) of an ROI (C, S, A, R) as they are displayed.

    Raises
    ------
    InputError
        There is no tumour.
    """
    held = np.flatnonzero(foreground_of(image).any(axis=_OTHER_AXES[plane]))
    if not len(held):
        raise InputError("An ROI has no tumour.", "Leave it out of the set.")
    if len(held) > MOST:
        held = held[np.linspace(0, len(held) - 1, MOST).round().astype(int)]
    return np.stack(
        [np.stack([plane_image(channel, plane, int(index)) for channel in image]) for index in held]
    ).astype(np.float32)
