"""From files to a saved region of interest."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from napari_tumor_synth.errors import InputError, VolumeError
from napari_tumor_synth.imaging.phantom.settings import SIMULATED_NOTICE
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi
from napari_tumor_synth.imaging.roi_files import RoiFiles, write_roi
from napari_tumor_synth.imaging.roi_paths import find_record, left_behind
from napari_tumor_synth.imaging.roi_record import RoiRecord, read_record
from napari_tumor_synth.workflows.outputs import (
    ANOTHER_FOLDER,
    is_described_as,
    output_folder,
    require_not_input,
    require_replaceable,
)


def roi_settings(
    size: int, spacing_mm: float, labels: tuple[int, ...] | None = None
) -> RoiSettings:
    """Return the settings of a cubic ROI.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    try:
        return RoiSettings(size=(size, size, size), spacing_mm=spacing_mm, labels=labels)
    except ValidationError as error:
        first = error.errors()[0]
        name = {"spacing_mm": "spacing"}.get(str(first["loc"][0]), str(first["loc"][0]))
        raise InputError(
            f"The {name} of the ROI cannot be {first['input']!r}: {first['msg']}.",
            "Sizes are 8 to 512 voxels, spacings 0.1 to 10 mm, labels whole numbers above 0.",
        ) from error


def save_roi_of_case(
    images: Mapping[str, Path],
    segmentation: Path,
    out: Path,
    settings: RoiSettings,
    *,
    stem: str | None = None,
    overwrite: bool = False,
) -> tuple[Roi, RoiFiles]:
    """Extract the ROI of a case and write it, its mask and its record.

    The ROI of a simulated case says in its header that it is one.

    Parameters
    ----------
    images : mapping of str to Path
        A file of each sequence, all on one grid.
    segmentation : Path
        Labels on that grid.
    out : Path
        Folder to write to.
    settings : RoiSettings
        Box, spacing and labels.
    stem : str, optional
        How the files' names begin; None takes the first image's name.
    overwrite : bool
        Replace another ROI of that name.

    Raises
    ------
    VolumeError, GridMismatchError, EmptySegmentationError, OutputError
        As their names say; nothing is written then.
    """
    name = stem or stem_of(next(iter(images.values())))
    volumes = {sequence: read_image(path) for sequence, path in images.items()}
    roi = extract_roi(volumes, read_segmentation(segmentation), settings)
    files = RoiFiles.named(out, name, roi.sequences)
    with output_folder(out):
        for path in (*files.all, *left_behind(files)):
            require_not_input(path, (*images.values(), segmentation))
        for path in files.all:
            require_replaceable(path, lambda path: _is_of(roi, path, files), overwrite=overwrite)
        return roi, write_roi(roi, out, name, description=_notice(is_simulated(images.values())))


def save_roi(roi: Roi, folder: Path, name: str, *, simulated: bool) -> RoiFiles:
    """Write an ROI that was cut already; only the same one is replaced.

    Raises
    ------
    OutputError
        The folder is not writable, or any other file is in the way.
    """
    files = RoiFiles.named(folder, name, roi.sequences)
    for path in files.all:
        require_replaceable(path, lambda path: _is_of(roi, path, files), remedy=ANOTHER_FOLDER)
    return write_roi(roi, folder, name, description=_notice(simulated))


def _notice(simulated: bool) -> str:
    return SIMULATED_NOTICE if simulated else ""


def stem_of(path: Path) -> str:
    """Return the file's name without its image suffixes."""
    name = path.name
    for suffix in (".gz", ".nii", ".nrrd", ".mha", ".mhd"):
        name = name.removesuffix(suffix)
    return name


def is_simulated(images: Iterable[Path]) -> bool:
    """Tell whether the header of any of these files says that it is of a simulated case."""
    simulated = is_described_as(SIMULATED_NOTICE)
    return any(simulated(path) for path in images)


def _is_of(roi: Roi, path: Path, files: RoiFiles) -> bool:
    """Tell whether a file on the disk belongs to this ROI, by the record that speaks for it."""
    try:
        found = find_record(path) if path in files.images else None
        record = files.sidecar if found is None else found[0]
        return record == files.sidecar and read_record(record) == RoiRecord.of(roi)
    except VolumeError:
        return False
