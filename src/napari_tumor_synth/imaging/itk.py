"""NRRD and MetaImage through SimpleITK, whose world is LPS where NIfTI's is RAS."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.imaging.affines import is_orthogonal
from napari_tumor_synth.imaging.itk_headers import (
    SaneHeader,
    require_sane_metaimage,
    require_sane_nrrd,
)
from napari_tumor_synth.imaging.stored_image import (
    StoredImage,
    require_plausible_length,
    three_axes,
)
from napari_tumor_synth.imaging.volume import SourceGrid

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_BYTES_OF_REAL_NUMBERS = {
    sitk.sitkUInt8: 1,
    sitk.sitkInt8: 1,
    sitk.sitkUInt16: 2,
    sitk.sitkInt16: 2,
    sitk.sitkUInt32: 4,
    sitk.sitkInt32: 4,
    sitk.sitkFloat32: 4,
    sitk.sitkUInt64: 8,
    sitk.sitkInt64: 8,
    sitk.sitkFloat64: 8,
}

sitk.ProcessObject.SetGlobalWarningDisplay(False)  # its words come back as errors, not on stderr


def read_itk(path: Path) -> StoredImage:
    """Read one 3D NRRD or MetaImage file.

    Raises
    ------
    VolumeError
        The file is damaged, not 3D, not of real numbers, or promises more than it can hold.
    """
    header = (
        require_sane_nrrd(path) if path.suffix.lower() == ".nrrd" else require_sane_metaimage(path)
    )
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _require_readable(path, reader, header)
        image = reader.Execute()
    except RuntimeError as error:
        raise VolumeError(
            f"{path} is damaged or not what its suffix says.", "Copy or convert the file again."
        ) from error
    while image.GetDimension() > 3:
        image = image[..., 0]
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    try:
        grid = SourceGrid.of(values.shape, _ras_affine(image))
    except VolumeError as error:
        raise VolumeError(f"{path}: {error.problem}", error.remedy) from error
    return StoredImage(values, grid, notes=header.notes)


def write_itk(
    temporary: Path, stored: NDArray[Any], affine: NDArray[np.float64], description: str
) -> None:
    """Write an array in the order of `affine`, compressed.

    Raises
    ------
    OutputError
        SimpleITK could not write, or the grid is sheared, which these formats do not keep.
    """
    if not is_orthogonal(affine):
        raise OutputError("A sheared grid cannot be kept in this format.", "Save as .nii.gz.")
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored.transpose(2, 1, 0)))
    lps = _LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    if description:
        image.SetMetaData("description", description)
    try:
        sitk.WriteImage(image, str(temporary), useCompression=True)
    except RuntimeError as error:
        raise OutputError(
            "The image could not be written.",
            "Check the free space of the disk.",
        ) from error


def _require_readable(path: Path, reader: Any, header: SaneHeader) -> None:
    shape = three_axes(path, reader.GetSize())
    itemsize = _BYTES_OF_REAL_NUMBERS.get(reader.GetPixelID())
    if itemsize is None or reader.GetNumberOfComponents() != 1:
        kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
        raise VolumeError(
            f"{path} holds {kind} values; one real number a voxel is needed.",
            "Save the magnitude or one channel as a 3D file.",
        )
    require_plausible_length(
        path,
        header.voxel_file.stat().st_size,
        math.prod(shape) * itemsize,
        compressed=header.compressed,
    )


def _ras_affine(image: Any) -> NDArray[np.float64]:
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    return _LPS_TO_RAS @ lps
