"""NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz): headers by nibabel, bytes read with a bound."""

import gzip
import logging
import math
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.imaging.affines import affine_distance_mm, is_orthogonal
from napari_tumor_synth.imaging.nifti_stream import (
    is_gzipped,
    open_stream,
    read_exactly,
    require_end,
)
from napari_tumor_synth.imaging.stored_image import (
    StoredImage,
    require_plausible_length,
    three_axes,
)
from napari_tumor_synth.imaging.volume import SourceGrid

_HEADERS: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_MAGIC = {348: (344, b"n+1\0", b"ni1\0"), 540: (4, b"n+2\0", b"ni2\0")}
_MAX_EXTENSION_BYTES = 1 << 24
_FORM_TOLERANCE_MM = 0.1
_GZIP_LEVEL = 3
_UNIT_NAMES = {1: "metres", 3: "micrometres"}
_SILENT = logging.Logger("header repairs that need no word")
_SILENT.addHandler(logging.NullHandler())


def read_nifti(path: Path) -> StoredImage:
    """Read one 3D NIfTI file.

    The sform places the voxels when its code is above 0, else the qform, as nibabel does; when
    both are given and disagree, or neither is, a note says so.

    Raises
    ------
    VolumeError
        The file is damaged, not 3D, not of real numbers, or promises more than it can hold.
    """
    with open_stream(path) as stream:
        header, sizeless_axes = _read_header(stream, path)
        shape = three_axes(path, header.get_data_shape())
        dtype = _number_type(header, path)
        length = math.prod(shape) * dtype.itemsize
        require_plausible_length(path, path.stat().st_size, length, compressed=is_gzipped(path))
        _skip_extensions(stream, header, path)
        content = read_exactly(stream, length, path)
        require_end(stream, path)
    try:
        with np.errstate(all="ignore"):  # numbers without sense are found by their results
            affine = header.get_best_affine()
            slope, intercept = header.get_slope_inter()
            grid = _grid(path, shape, affine, header)
            notes = (
                *_notes_on_position(header, affine, shape),
                *_notes_on_size(header, sizeless_axes),
                *_notes_on_units(header),
            )
    except (HeaderDataError, ValueError) as error:
        raise _damaged_header(path, error) from error
    return StoredImage(
        values=content.view(dtype).reshape(shape, order="F"),
        grid=grid,
        slope=1.0 if slope is None else slope,
        intercept=0.0 if slope is None or intercept is None else intercept,
        notes=notes,
    )


def write_nifti(
    temporary: Path,
    stored: NDArray[Any],
    affine: NDArray[np.float64],
    header: Any,
    description: str,
) -> None:
    """Write an array in the order of `affine`; `header` (may be None) lends its geometry fields.

    Free text of the header is left behind: it may name a patient.
    """
    if header is None:
        image = nib.Nifti1Image(stored, affine)
        image.set_sform(affine, code="scanner")
        if is_orthogonal(affine):
            image.set_qform(affine, code="scanner")
        else:
            image.set_qform(None, code="unknown")
        image.header.set_xyzt_units("mm")
    else:
        image_class: Any = nib.Nifti2Image if _is_version_2(header) else nib.Nifti1Image
        image = image_class(stored, None, _geometry_of(header))
        image.header.set_data_dtype(stored.dtype)
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    _save(image, temporary)


def _save(image: Any, path: Path) -> None:
    with path.open("wb") as plain:
        if path.suffix.lower() != ".gz":
            image.to_stream(plain)
            return
        # neither name nor time is stored: the same voxels give the same bytes
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, plain, mtime=0) as compressed:
            image.to_stream(compressed)


def _read_header(stream: BinaryIO, path: Path) -> tuple[Any, int]:
    """Return the header and how many of its axes have no voxel size, which nibabel makes 1 mm."""
    start = stream.read(348)
    size = _header_size(start)
    if size == 540:
        start += stream.read(540 - 348)
    if size == 0 or len(start) < size:
        raise VolumeError(f"{path} is not a NIfTI file.", "Check which program wrote it.")
    place, single_file, file_pair = _MAGIC[size]
    magic = start[place : place + 4]
    if magic == file_pair:
        raise VolumeError(
            f"{path} is one half of a NIfTI pair (.hdr and .img).", "Convert it to a single .nii."
        )
    if magic != single_file:
        raise VolumeError(f"{path} is not a NIfTI file.", "Convert Analyze files to NIfTI first.")
    try:
        header = _HEADERS[size](start, check=False)
        sizeless_axes = int(np.count_nonzero(header["pixdim"][1:4] == 0))
        header.check_fix(logger=_SILENT)
        header.get_data_shape()
    except (HeaderDataError, ValueError, KeyError) as error:
        raise _damaged_header(path, error) from error
    return header, sizeless_axes


def _header_size(start: bytes) -> int:
    sizes = {int.from_bytes(start[:4], order) for order in ("little", "big")}
    return next((size for size in _HEADERS if size in sizes), 0)


def _number_type(header: Any, path: Path) -> np.dtype[Any]:
    dtype: np.dtype[Any] = header.get_data_dtype()
    if dtype.kind not in "iuf":
        kind = "complex" if dtype.kind == "c" else "colour"
        raise VolumeError(
            f"{path} holds {kind} values; one real number a voxel is needed.",
            "Save the magnitude or one channel as a 3D file.",
        )
    return dtype


def _skip_extensions(stream: BinaryIO, header: Any, path: Path) -> None:
    read_so_far = header.sizeof_hdr
    offset = float(header["vox_offset"])
    extension_bytes = offset - read_so_far
    if not 0 <= extension_bytes <= _MAX_EXTENSION_BYTES:
        raise VolumeError(
            f"{path} has a damaged header: voxels should start at byte {offset:.6g}.",
            "Copy or convert the file again.",
        )
    read_exactly(stream, int(extension_bytes), path)


def _grid(path: Path, shape: tuple[int, int, int], affine: Any, header: Any) -> SourceGrid:
    try:
        return SourceGrid.of(shape, affine, header)
    except VolumeError as error:
        raise VolumeError(f"{path}: {error.problem}", error.remedy) from error


def _notes_on_position(header: Any, affine: Any, shape: tuple[int, int, int]) -> tuple[str, ...]:
    has_sform, has_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not (has_sform or has_qform):
        return ("The header gives no position; left and right follow NIfTI's default order.",)
    if not (has_sform and has_qform):
        return ()
    try:
        apart = affine_distance_mm(affine, header.get_qform(), shape)
    except (HeaderDataError, ValueError):
        apart = math.nan
    if not math.isfinite(apart):
        return ("The qform is damaged; the sform is used.",)
    if apart <= _FORM_TOLERANCE_MM:
        return ()
    return (f"sform and qform disagree by {apart:.3g} mm; the sform is used.",)


def _notes_on_size(header: Any, sizeless_axes: int) -> tuple[str, ...]:
    if sizeless_axes == 0 or int(header["sform_code"]) > 0:  # the sform has sizes of its own
        return ()
    return (f"The header gives no voxel size along {sizeless_axes} of 3 axes; 1 mm is taken.",)


def _notes_on_units(header: Any) -> tuple[str, ...]:
    unit = _UNIT_NAMES.get(int(header["xyzt_units"]) % 8)
    return (f"The header counts in {unit}; they are read as millimetres.",) if unit else ()


def _is_version_2(header: Any) -> bool:
    return bool(header.sizeof_hdr == 540)


def _geometry_of(header: Any) -> Any:
    clean = type(header)()
    for field in clean:
        if field.startswith(("quatern_", "qoffset_", "srow_")):
            clean[field] = header[field]
    for field in ("qform_code", "sform_code", "pixdim", "xyzt_units", "dim_info"):
        clean[field] = header[field]
    return clean


def _damaged_header(path: Path, error: Exception) -> VolumeError:
    return VolumeError(
        f"{path} has a damaged header: {str(error).rstrip('.')}.", "Copy or convert the file again."
    )
