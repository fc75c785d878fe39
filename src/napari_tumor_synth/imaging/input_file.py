"""What a path is, when it is not an image file that can be read: sentences that help."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from napari_tumor_synth.errors import VolumeError

NIFTI_SUFFIXES = (".nii", ".nii.gz")
ITK_SUFFIXES = (".nrrd", ".mha", ".mhd")
IMAGE_SUFFIXES = NIFTI_SUFFIXES + ITK_SUFFIXES

_FILES_TO_LOOK_INTO = 50
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_CONVERT = "Convert the series to NIfTI first, for example with: dcm2niix -z y -o OUTPUT FOLDER"


def image_suffix(path: Path) -> str:
    """Return the suffix that tells the format, in small letters, or "" when it is unknown."""
    name = path.name.lower()
    return next((suffix for suffix in reversed(IMAGE_SUFFIXES) if name.endswith(suffix)), "")


def require_image_file(path: Path) -> str:
    """Return the image suffix of an existing file.

    Raises
    ------
    VolumeError
        The path does not exist, is a folder, is DICOM, is empty, cannot be read, or has another
        suffix.
    """
    try:
        return _require_image_file(path)
    except OSError as error:
        raise VolumeError(
            f"{path} cannot be read: {error.strerror or error}.", "Check the file's permissions."
        ) from error


def _require_image_file(path: Path) -> str:
    if not path.exists():
        raise VolumeError(f"{path} does not exist.", "Check the spelling of the path.")
    if path.is_dir():
        if any(map(_is_dicom, islice(_files_in(path), _FILES_TO_LOOK_INTO))):
            raise VolumeError(f"{path} is a folder of DICOM files.", _CONVERT)
        raise VolumeError(f"{path} is a folder, not an image file.", "Name one image file.")
    if not path.is_file():
        raise VolumeError(f"{path} is not a regular file.", "Name one image file.")
    if path.stat().st_size == 0:
        raise VolumeError(f"{path} is empty.", "Copy or convert the file again.")
    if _is_dicom(path):
        raise VolumeError(f"{path} is a DICOM file.", _CONVERT)
    suffix = image_suffix(path)
    if not suffix:
        raise VolumeError(
            f"{path} is of no known image format.", f"Give one of {', '.join(IMAGE_SUFFIXES)}."
        )
    return suffix


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _is_dicom(path: Path) -> bool:
    if path.suffix.lower() in _DICOM_SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
