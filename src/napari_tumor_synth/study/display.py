"""Display copies: the same treatment for real and synthetic ROIs, and nothing else of them kept."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.imaging.intensity import (
    BACKGROUND,
    FOREGROUND_CEILING,
    FOREGROUND_FLOOR,
)

LEVELS = 256
NONCE = 16
"""Random bytes behind the voxels: the same copy twice, as a repeat, has another hash."""
_SAME_TIME = 946_684_800  # 2000-01-01: of all files, whenever they were written


def display_array(image: NDArray[np.float32], edge_voxels: int = 0) -> NDArray[np.uint8]:
    """Return an ROI as it is shown: 0 outside the tumour, levels 1 to 255 inside.

    All ROIs are treated alike: one window from -0.9 to 1, edges taken off by whole voxels, and the
    box around the tumour moved to the middle of the grid, since where it lies tells nothing but how
    it was cut.

    Parameters
    ----------
    image : (S, A, R) float32
        In [-1, 1], background exactly -1.
    edge_voxels : int
        Layers of voxels that are taken off.

    Raises
    ------
    StudyError
        Nothing is left to be shown.
    """
    mask = image > BACKGROUND
    if edge_voxels:
        mask = binary_erosion(mask, iterations=edge_voxels)
    if not mask.any():
        raise StudyError(
            "Nothing of an ROI is left to be shown.", "Take off fewer voxels of the edges."
        )
    share = (image - FOREGROUND_FLOOR) / (FOREGROUND_CEILING - FOREGROUND_FLOOR)
    levels = 1 + np.rint(np.clip(share, 0, 1) * (LEVELS - 2))
    return _centred(np.where(mask, levels, 0).astype(np.uint8))


def _centred(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    found = np.zeros_like(array)
    source, target = [], []
    for axis, size in enumerate(array.shape):
        filled = np.flatnonzero(array.any(axis=tuple({0, 1, 2} - {axis})))
        low, high = int(filled[0]), int(filled[-1]) + 1
        start = (size - (high - low)) // 2
        source.append(slice(low, high))
        target.append(slice(start, start + high - low))
    found[tuple(target)] = array[tuple(source)]
    return found


def write_display_copy(path: Path, array: NDArray[np.uint8], nonce: bytes) -> None:
    """Write a display copy with `NONCE` random bytes; nothing else differs but voxels and names."""
    with path.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
        stream.write(nonce)
        stream.flush()
        os.fsync(stream.fileno())


def voxels_of(stored: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the voxels (S, A, R) of a display copy's file."""
    end = len(stored) - NONCE
    return np.frombuffer(stored[end - int(np.prod(shape)) : end], np.uint8).reshape(shape)


def make_times_equal(folder: Path) -> None:
    """Give all files below a folder, and the folder, one time."""
    for path in [*sorted(folder.rglob("*")), folder]:
        os.utime(path, (_SAME_TIME, _SAME_TIME))
