"""Write volumes on the user's own grid, whole or not at all."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file
from napari_tumor_synth.imaging.input_file import NIFTI_SUFFIXES, image_suffix
from napari_tumor_synth.imaging.itk import write_itk
from napari_tumor_synth.imaging.nifti import write_nifti
from napari_tumor_synth.imaging.volume import Volume

_WRITABLE = (*NIFTI_SUFFIXES, ".nrrd", ".mha")


def write_volume(
    volume: Volume,
    path: Path | str,
    *,
    description: str = "",
    grid: Literal["source", "canonical"] = "source",
) -> None:
    """Write a volume as .nii, .nii.gz, .nrrd or .mha.

    Parameters
    ----------
    volume : Volume
        bool is stored as uint8, float64 as float32, 64-bit integers as int32.
    path : Path or str
        The suffix chooses the format; an existing file is replaced.
    description : str
        Header text, at most 79 ASCII characters in NIfTI. Other free text is not kept.
    grid : {"source", "canonical"}
        The axis order, affine and (NIfTI) version of the file that the volume was read from, or
        the canonical (r, a, s) order. A volume without a source is written in canonical order.

    Raises
    ------
    OutputError
        The format is unknown, the folder is not writable or the disk is full. Nothing is left.
    """
    path = Path(path)
    if image_suffix(path) not in _WRITABLE:
        raise OutputError(
            f"Cannot write {path}: no format for this suffix.", f"Use {', '.join(_WRITABLE)}."
        )
    with atomic_file(path) as temporary:
        store_volume(volume, temporary, description, grid=grid)


def store_volume(
    volume: Volume,
    temporary: Path,
    description: str,
    *,
    grid: Literal["source", "canonical"] = "source",
) -> None:
    """Write a volume as `write_volume` does, straight into a file that is nobody's yet.

    Raises
    ------
    OutputError, OSError
        The file cannot be written.
    """
    array = _storable(volume.array)
    source = volume.source if grid == "source" else None
    if source is None:
        stored, affine, header = array.transpose(2, 1, 0), volume.affine, None
    else:
        stored, affine, header = source.from_canonical(array), source.affine, source.header
    if image_suffix(temporary) in NIFTI_SUFFIXES:
        write_nifti(temporary, stored, affine, header, description)
    else:
        write_itk(temporary, stored, affine, description)


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype.itemsize == 8:
        smaller = array.astype(np.int32)
        if not np.array_equal(smaller, array):
            raise OutputError(
                "The labels are too large to be stored.", "Use labels below two thousand million."
            )
        return smaller
    return array
