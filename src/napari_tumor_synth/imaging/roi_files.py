"""Saved regions of interest: NIfTI in the parent's world coordinates and a record beside it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.files import write_json
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_FLOOR
from napari_tumor_synth.imaging.reading import read_image
from napari_tumor_synth.imaging.region import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_record import RoiRecord, read_record
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume

_IMAGE_END = "_roi.nii.gz"
_MASK_END = "_mask.nii.gz"
_RECORD_END = "_roi.json"
_ROUNDING = 1e-6


@dataclass(frozen=True)
class RoiFiles:
    """Where an ROI was written: one image a sequence, the mask, and the record."""

    images: tuple[Path, ...]
    mask: Path
    sidecar: Path


def write_roi(roi: Roi, folder: Path | str, stem: str, *, description: str = "") -> RoiFiles:
    """Write an ROI so that `read_roi` gives it back.

    The files are ``<stem>_roi.nii.gz`` for one sequence or ``<stem>_<sequence>_roi.nii.gz`` for
    several, ``<stem>_mask.nii.gz``, and ``<stem>_roi.json`` with settings, windows and the
    parent's grid, but no paths or names.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; none of the files is left then.
    """
    folder = Path(folder)
    sidecar = folder / f"{stem}{_RECORD_END}"
    with _all_or_none() as written:
        images, mask = _write_images(roi, folder, stem, description, written)
        write_json(sidecar, RoiRecord.of(roi).model_dump(mode="json"))
    return RoiFiles(images, mask, sidecar)


def write_roi_images(
    roi: Roi, folder: Path | str, stem: str, *, description: str = ""
) -> tuple[tuple[Path, ...], Path]:
    """Write images and mask alone, named as by `write_roi`; return their paths.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; none of the files is left then.
    """
    with _all_or_none() as written:
        return _write_images(roi, Path(folder), stem, description, written)


def read_roi(path: Path | str) -> Roi:
    """Read a saved ROI.

    Parameters
    ----------
    path : Path or str
        One image, which becomes one channel, or the record ``<stem>_roi.json``, which brings all
        its sequences. An image needs no record: any with values in [-1, 1] and a background of
        exactly -1 will do.

    Returns
    -------
    Roi
        The mask is where an image is above -1.

    Raises
    ------
    VolumeError
        The file is no ROI, or its record is damaged or belongs to another image.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        record = read_record(path)
        stem = path.name.removesuffix(_RECORD_END)
        images = _image_paths(path.parent, stem, record.sequences)
        return _roi_of([_read_image(image) for image in images], record, path)
    return _roi_of([_read_image(path)], _record_of(path), path)


def _write_images(
    roi: Roi, folder: Path, stem: str, description: str, written: list[Path]
) -> tuple[tuple[Path, ...], Path]:
    images = _image_paths(folder, stem, roi.sequences)
    for path, channel in zip(images, roi.image, strict=True):
        write_volume(Volume(channel, roi.affine), path, description=description)
        written.append(path)
    mask = folder / f"{stem}{_MASK_END}"
    write_volume(Volume(roi.mask, roi.affine), mask, description=description)
    written.append(mask)
    return images, mask


@contextmanager
def _all_or_none() -> Iterator[list[Path]]:
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _image_paths(folder: Path, stem: str, sequences: tuple[str, ...]) -> tuple[Path, ...]:
    if len(sequences) == 1:
        return (folder / f"{stem}{_IMAGE_END}",)
    return tuple(folder / f"{stem}_{sequence}{_IMAGE_END}" for sequence in sequences)


def _record_of(image: Path) -> RoiRecord | None:
    """Read the record beside an image, reduced to the one sequence that the image holds."""
    if not image.name.endswith(_IMAGE_END):
        return None
    stem = image.name.removesuffix(_IMAGE_END)
    own = image.with_name(f"{stem}{_RECORD_END}")
    if own.is_file():
        return read_record(own)
    for place in range(1, len(stem)):
        shared = image.with_name(f"{stem[:place]}{_RECORD_END}")
        if stem[place] == "_" and shared.is_file():
            record, sequence = read_record(shared), stem[place + 1 :]
            return record.of_sequence(sequence) if sequence in record.sequences else None
    return None


def _read_image(path: Path) -> Volume:
    volume = read_image(path)
    low, high = float(volume.array.min()), float(volume.array.max())
    if low < BACKGROUND - _ROUNDING or high > 1 + _ROUNDING:
        raise VolumeError(
            f"{path} is not an ROI: its values span {low:.4g} to {high:.4g} instead of -1 to 1.",
            "Cut the ROI from the image and its segmentation first: tumor-synth roi IMAGE SEG.",
        )
    if low > BACKGROUND or high <= BACKGROUND:
        what = "no voxel is" if low > BACKGROUND else "every voxel is"
        raise VolumeError(
            f"{path} is not an ROI: {what} background (exactly -1).",
            "Cut the ROI from the image and its segmentation first: tumor-synth roi IMAGE SEG.",
        )
    return volume


def _roi_of(volumes: list[Volume], record: RoiRecord | None, path: Path) -> Roi:
    first = volumes[0]
    if not all(volume.same_grid_as(first) for volume in volumes):
        raise VolumeError(f"The images of {path} lie on different grids.", "Write the ROI anew.")
    if record is not None and record.settings.size != first.shape:
        raise VolumeError(
            f"The record beside {path} belongs to another image: it says "
            f"{record.settings.size} voxels, the image has {first.shape}.",
            "Remove the record or write the ROI anew.",
        )
    image = np.stack([volume.array for volume in volumes]).clip(BACKGROUND, 1)
    mask: NDArray[np.bool_] = np.any(image > BACKGROUND, axis=0)
    return Roi(
        image=_with_floor(image, mask),
        mask=mask,
        affine=first.affine,
        sequences=("image",) if record is None else record.sequences,
        settings=_settings_of(first, path) if record is None else record.settings,
        windows=() if record is None else record.windows,
        lost_fraction=0.0 if record is None else record.lost_fraction,
        warnings=(*_warnings(image, mask), *(() if record is None else record.warnings)),
        parent=None if record is None else record.parent_grid(),
    )


def _with_floor(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(mask, image.clip(FOREGROUND_FLOOR, 1), BACKGROUND).astype(np.float32)


def _warnings(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[str]:
    dark = float((image[:, mask] < FOREGROUND_FLOOR - _ROUNDING).mean())
    if dark == 0:
        return []
    return [f"{dark:.2%} of the tumour's voxels were below {FOREGROUND_FLOOR}, and are raised."]


def _settings_of(volume: Volume, path: Path) -> RoiSettings:
    spacing = round(math.prod(volume.spacing) ** (1 / 3), 6)
    try:
        return RoiSettings(size=volume.shape, spacing_mm=spacing)
    except ValidationError as error:
        raise VolumeError(
            f"{path} is not an ROI: {volume.shape} voxels of {spacing:g} mm.",
            "An ROI has 8 to 512 voxels an axis, of 0.1 to 10 mm.",
        ) from error
