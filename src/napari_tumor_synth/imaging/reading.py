"""Read images and segmentations of any supported format into anatomical space."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.imaging.input_file import NIFTI_SUFFIXES, require_image_file
from napari_tumor_synth.imaging.itk import read_itk
from napari_tumor_synth.imaging.nifti import read_nifti
from napari_tumor_synth.imaging.stored_image import StoredImage
from napari_tumor_synth.imaging.volume import Volume

_EXACT_IN_FLOAT32 = 2**24
_MAX_LABEL = 65535
_MOST_LABELS = 200  # parcellations of the whole brain stay below; images of whole numbers do not


def read_image(path: Path | str) -> Volume:
    """Read an image as float32 intensities, scaling applied.

    Parameters
    ----------
    path : Path or str
        .nii, .nii.gz, .nrrd, .mha or .mhd with one 3D volume of real numbers.

    Returns
    -------
    Volume
        Array (S, A, R) float32; `notes` hold what the user should know about the file, for
        example that whole numbers are too large for float32 to keep them exactly.

    Raises
    ------
    VolumeError
        The file is missing, damaged, of another kind (DICOM included), not 3D, or holds NaN or
        infinite values.
    """
    path = Path(path)
    stored = _read(path)
    intensities = stored.intensities()
    _require_finite(path, intensities)
    return _volume(stored, intensities, _notes_on_rounding(stored, intensities))


def read_segmentation(path: Path | str) -> Volume:
    """Read a segmentation as labels.

    Returns
    -------
    Volume
        Array (S, A, R) uint8, or uint16 when a label is above 255.

    Raises
    ------
    VolumeError
        As for `read_image`; also values that are not whole numbers from 0 to 65535, or more than
        200 different ones, as in an image of whole numbers.
    """
    path = Path(path)
    stored = _read(path)
    values = stored.intensities() if stored.is_scaled else stored.values
    _require_finite(path, values)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > _MAX_LABEL or _has_fractions(values):
        raise VolumeError(
            f"{path} is not a segmentation: its values are not all whole numbers from 0 to "
            f"{_MAX_LABEL} (they span {low:.6g} to {high:.6g}).",
            "Give the label file; image and segmentation may have been swapped.",
        )
    labels = values.astype(np.uint8 if high < 256 else np.uint16)
    different = np.count_nonzero(np.bincount(labels.ravel(order="K")))
    if different > _MOST_LABELS:
        raise VolumeError(
            f"{path} is not a segmentation: it holds {different:,} different values.",
            "Give the label file; image and segmentation may have been swapped.",
        )
    return _volume(stored, labels)


def _read(path: Path) -> StoredImage:
    suffix = require_image_file(path)
    return read_nifti(path) if suffix in NIFTI_SUFFIXES else read_itk(path)


def _volume(stored: StoredImage, values: NDArray[Any], more: tuple[str, ...] = ()) -> Volume:
    grid = stored.grid
    return Volume(grid.to_canonical(values), grid.canonical_affine, grid, (*stored.notes, *more))


def _notes_on_rounding(stored: StoredImage, intensities: NDArray[np.float32]) -> tuple[str, ...]:
    """Tell when whole numbers have changed; fractions are rounded to seven digits in any case."""
    values = stored.values
    if stored.is_scaled or values.dtype.kind not in "iu":
        return ()
    largest = max(abs(int(values.min())), abs(int(values.max())))
    if largest <= _EXACT_IN_FLOAT32:
        return ()
    if int(np.float32(largest)) == largest and np.array_equal(intensities, values):
        return ()
    return (
        f"Whole numbers above {_EXACT_IN_FLOAT32:,} (up to {largest:,}) are rounded: intensities "
        "are kept in single precision.",
    )


def _has_fractions(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool((values != np.trunc(values)).any())


def _require_finite(path: Path, values: NDArray[Any]) -> None:
    if values.dtype.kind != "f":
        return
    unusable = values.size - int(np.isfinite(values).sum())
    if unusable:
        raise VolumeError(
            f"{path} holds values that are NaN or infinite, {unusable:,} in all.",
            "Replace them (often by 0, outside the head) and save the file again.",
        )
