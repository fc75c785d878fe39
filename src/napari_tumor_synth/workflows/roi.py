"""From files to a saved region of interest."""

from pathlib import Path

from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi
from napari_tumor_synth.imaging.roi_files import RoiFiles, write_roi


def save_roi_of_case(
    image: Path, segmentation: Path, out: Path, settings: RoiSettings, *, sequence: str = "flair"
) -> tuple[Roi, RoiFiles]:
    """Extract the ROI of one image and write it, its mask and its record.

    Parameters
    ----------
    image, segmentation : Path
        Files on the same grid.
    out : Path
        Folder; files are named after the image.
    settings : RoiSettings
        Box, spacing and labels.
    sequence : str
        Name of the image's sequence.

    Raises
    ------
    VolumeError, GridMismatchError, EmptySegmentationError, OutputError
        As their names say; nothing is written then.
    """
    roi = extract_roi({sequence: read_image(image)}, read_segmentation(segmentation), settings)
    return roi, write_roi(roi, writable_folder(out), stem_of(image))


def stem_of(path: Path) -> str:
    """Return the file's name without its image suffixes."""
    name = path.name
    for suffix in (".gz", ".nii", ".nrrd", ".mha", ".mhd"):
        name = name.removesuffix(suffix)
    return name
