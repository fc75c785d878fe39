"""A case in memory: sequences, segmentation, and how it is to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_tumor_synth.errors import EmptySegmentationError, InputError
from napari_tumor_synth.imaging.case import Case
from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.imaging.label_schemes import label_name
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.volume import Volume, require_same_grid
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.roi import is_simulated, stem_of


@dataclass(frozen=True, eq=False)
class OpenCase:
    """What is shown of a case.

    Attributes
    ----------
    case : Case
        Where it came from.
    images : mapping of str to Volume
        By sequence; all on the segmentation's grid.
    segmentation : Volume
        Holds a tumour.
    frame : DisplayFrame
        Axes to show it along.
    labels : mapping of int to str
        The labels above 0 that the segmentation holds, and what they mean.
    notes : tuple of str
        What is doubtful about the files, one sentence each.
    simulated : bool
        Whether the files say that the case is a phantom's.
    """

    case: Case
    images: Mapping[str, Volume]
    segmentation: Volume
    frame: DisplayFrame
    labels: Mapping[int, str]
    notes: tuple[str, ...]
    simulated: bool = False


def case_of_files(image: Path, segmentation: Path, sequence: str = "flair") -> Case:
    """Make a case of two files that no naming scheme knows; it is called after the image."""
    name = stem_of(image)
    return Case(name, name, "unknown", {sequence: image}, segmentation)


def open_case(
    case: Case,
    sequences: Sequence[str] | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
) -> OpenCase:
    """Read a case; whole, or not at all.

    Parameters
    ----------
    case : Case
        What to read.
    sequences : sequence of str, optional
        Those to read; None reads all.

    Raises
    ------
    VolumeError
        A file is damaged, not 3D, not finite, or no segmentation.
    GridMismatchError
        An image and the segmentation lie on different grids.
    EmptySegmentationError
        The segmentation holds no tumour.
    InputError
        The case lacks a sequence, or image and segmentation are one file.
    """
    wanted = tuple(case.sequences) if sequences is None else tuple(sequences)
    if lacking := [name for name in wanted if name not in case.sequences]:
        raise InputError(
            f"{case.name} has no {' and no '.join(lacking)} image.",
            f"Choose among {', '.join(case.sequences)}.",
        )
    total = len(wanted) + 1
    on_progress(Progress(0, total, "reading the segmentation"))
    segmentation = read_segmentation(case.segmentation)
    present = np.flatnonzero(np.bincount(segmentation.array.ravel())).tolist()
    if present == [0]:
        raise EmptySegmentationError(
            f"{case.segmentation} holds no tumour: every voxel is 0.",
            "Give the segmentation of a tumour.",
        )
    images: dict[str, Volume] = {}
    for number, name in enumerate(wanted, start=1):
        on_progress(Progress(number, total, f"reading {name}"))
        path = case.sequences[name]
        if path.samefile(case.segmentation):
            raise InputError(
                f"{path} was given as image and as segmentation.",
                "Give the MRI and the label file that belongs to it.",
            )
        images[name] = read_image(path)
        require_same_grid(images[name], segmentation, name)
    on_progress(Progress(total, total, "read"))
    notes = [f"segmentation: {note}" for note in segmentation.notes]
    notes += [f"{name}: {note}" for name, image in images.items() for note in image.notes]
    return OpenCase(
        case=case,
        images=images,
        segmentation=segmentation,
        frame=DisplayFrame.of(segmentation),
        labels={label: label_name(label, case.label_scheme) for label in present if label > 0},
        notes=tuple(notes),
        simulated=is_simulated([case.sequences[name] for name in wanted]),
    )
