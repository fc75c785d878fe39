"""What a user may name where an ROI is wanted: an image, its record, or a sample's provenance."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE, Provenance, read_provenance
from napari_tumor_synth.generators.synthetic import files_of_record
from napari_tumor_synth.imaging.input_file import require_image_file
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_files import read_roi
from napari_tumor_synth.imaging.roi_paths import RoiFiles
from napari_tumor_synth.imaging.roi_record import read_record
from napari_tumor_synth.imaging.volume import Volume

_START = 1000  # bytes of a provenance in which its notice stands
_MAKE_AGAIN = "Make the sample again with `tumor-synth generate --from`, or name one image."
_DIGITS = 12  # of a hash; files are told apart by it, not protected


@dataclass(frozen=True, eq=False)
class OpenedRoi:
    """An ROI and every file that it is kept in, none of which a result may replace."""

    roi: Roi
    files: tuple[Path, ...]

    def hash_with(self, model_sha256: str) -> str:
        """Return a short hash of the ROI's voxels and place, and of a model."""
        digest = hashlib.sha256(model_sha256.encode())
        digest.update(np.ascontiguousarray(self.roi.affine).tobytes())
        digest.update(np.ascontiguousarray(self.roi.image).tobytes())
        return digest.hexdigest()[:_DIGITS]


def open_roi(path: Path) -> OpenedRoi:
    """Read an ROI by its image, its record ``*_roi.json``, or the provenance of a synthetic one.

    Raises
    ------
    VolumeError, InputError
        No such ROI, or a file of a synthetic one is not that which its provenance names.
    """
    if path.suffix.lower() != ".json":
        return OpenedRoi(read_roi(path), (path,))
    if is_provenance(path):
        return _open_sample(path)
    roi = read_roi(path)
    return OpenedRoi(roi, (path, *RoiFiles.of_record(path, read_record(path)).all))


def is_provenance(path: Path) -> bool:
    """Tell whether a JSON file is the record of a synthetic ROI; it may still be damaged."""
    try:
        with path.open("rb") as stream:
            return SYNTHETIC_NOTICE.encode() in stream.read(_START)
    except OSError:  # `read_roi` says what is wrong
        return False


def _open_sample(path: Path) -> OpenedRoi:
    record = read_provenance(path)
    files = files_of_record(path, record)
    named = {**dict(zip(record.sequences, files.images, strict=True)), "mask": files.mask}
    for name, file in named.items():
        _require_unchanged(file, record.files.get(name, ""), path)
    images = [read_image(image) for image in files.images]
    mask = read_segmentation(files.mask)
    if not all(volume.same_grid_as(mask) for volume in images):
        raise VolumeError(f"The files of {path} lie on different grids.", _MAKE_AGAIN)
    if not mask.array.any():
        raise VolumeError(f"The synthetic ROI of {path} has no tumour.", "Take another sample.")
    roi = Roi(
        image=np.stack([volume.array for volume in images]),
        mask=mask.array > 0,
        affine=mask.affine,
        sequences=record.sequences,
        settings=_settings(record, mask, path),
    )
    return OpenedRoi(roi, (path, *files.images, files.mask))


def _settings(record: Provenance, mask: Volume, path: Path) -> RoiSettings:
    try:
        return RoiSettings(size=mask.shape, spacing_mm=record.spacing_mm)
    except ValidationError as error:
        raise VolumeError(
            f"{path} is not the provenance of an ROI: {mask.shape} voxels of "
            f"{record.spacing_mm:g} mm.",
            "An ROI has 8 to 512 voxels an axis, of 0.1 to 10 mm.",
        ) from error


def _require_unchanged(file: Path, sha256: str, record: Path) -> None:
    require_image_file(file)
    if sha256_of_file(file) != sha256:
        raise VolumeError(f"{file} is not the file that {record} names.", _MAKE_AGAIN)
