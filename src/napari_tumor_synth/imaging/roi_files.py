"""Saved regions of interest: NIfTI in the parent's world coordinates and a record beside it."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.files import atomic_file, json_text
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_FLOOR
from napari_tumor_synth.imaging.mask_rule import finish_generated, foreground_of
from napari_tumor_synth.imaging.reading import read_image
from napari_tumor_synth.imaging.region import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_paths import RoiFiles, find_record, left_behind
from napari_tumor_synth.imaging.roi_record import RoiRecord, read_record
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import store_volume

__all__ = ["RoiFiles", "read_roi", "write_roi", "write_roi_images"]

_ROUNDING = 1e-6


def write_roi(roi: Roi, folder: Path | str, stem: str, *, description: str = "") -> RoiFiles:
    """Write an ROI so that `read_roi` gives it back.

    The files are ``<stem>_roi.nii.gz`` for one sequence or ``<stem>_<sequence>_roi.nii.gz`` for
    several, ``<stem>_mask.nii.gz``, and ``<stem>_roi.json`` with settings, windows and the
    parent's grid, but no paths or names. Images of an earlier ROI of this stem that its record
    names, and the new one does not, are removed.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; what was there before stays.
    """
    files = RoiFiles.named(Path(folder), stem, roi.sequences)
    stale = left_behind(files)
    record = RoiRecord.of(roi).model_dump(mode="json")
    _write_together({**_volumes(roi, files), files.sidecar: json_text(record)}, description)
    for image in stale:
        image.unlink(missing_ok=True)
    return files


def write_roi_images(
    roi: Roi, folder: Path | str, stem: str, *, description: str = ""
) -> tuple[tuple[Path, ...], Path]:
    """Write images and mask alone, named as by `write_roi`; return their paths.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; what was there before stays.
    """
    files = RoiFiles.named(Path(folder), stem, roi.sequences)
    _write_together(_volumes(roi, files), description)
    return files.images, files.mask


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
        images = RoiFiles.of_record(path, record).images
        return _roi_of([_read_image(image, recorded=True) for image in images], record, path)
    found = find_record(path)
    image = _read_image(path, recorded=found is not None)
    return _roi_of([image], None if found is None else found[1], path)


def _volumes(roi: Roi, files: RoiFiles) -> dict[Path, Volume | str]:
    channels = zip(files.images, roi.image, strict=True)
    images: dict[Path, Volume | str] = {path: Volume(one, roi.affine) for path, one in channels}
    return {**images, files.mask: Volume(roi.mask, roi.affine)}


def _write_together(contents: Mapping[Path, Volume | str], description: str) -> None:
    """Write all files under temporary names, and only then give them their own, in this order."""
    for path in contents:
        if path.is_dir():
            raise OutputError(f"Cannot write {path}: it is a folder.", "Choose another folder.")
    with ExitStack() as renamed_at_the_end:
        for path, content in reversed(tuple(contents.items())):  # what is entered last ends first
            temporary = renamed_at_the_end.enter_context(atomic_file(path))
            if isinstance(content, Volume):
                store_volume(content, temporary, description)
            else:
                temporary.write_text(content, "utf-8")


def _read_image(path: Path, *, recorded: bool) -> Volume:
    volume = read_image(path)
    low, high = float(volume.array.min()), float(volume.array.max())
    if low < BACKGROUND - _ROUNDING or high > 1 + _ROUNDING:
        raise VolumeError(
            f"{path} is not an ROI: its values span {low:.4g} to {high:.4g} instead of -1 to 1.",
            "Cut the ROI from the image and its segmentation first: tumor-synth roi IMAGE SEG.",
        )
    no_background = low > BACKGROUND and not recorded  # a record's tumour may fill its box
    if no_background or high <= BACKGROUND:
        what = "no voxel is" if no_background else "every voxel is"
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
    mask = foreground_of(image)
    return Roi(
        image=finish_generated(image, mask),
        mask=mask,
        affine=first.affine,
        sequences=("image",) if record is None else record.sequences,
        settings=_settings_of(first, path) if record is None else record.settings,
        windows=() if record is None else record.windows,
        lost_fraction=0.0 if record is None else record.lost_fraction,
        warnings=(*_warnings(image, mask), *(() if record is None else record.warnings)),
        parent=None if record is None else record.parent_grid(),
    )


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
