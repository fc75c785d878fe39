"""What files and folders that a user points at stand for: cases, or an image, or a segmentation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_tumor_synth.errors import CohortError, InputError, VolumeError
from napari_tumor_synth.imaging.brats_names import GRADES, parse_file_name
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS, Case
from napari_tumor_synth.imaging.cohort import read_cohort
from napari_tumor_synth.imaging.input_file import image_suffix, require_image_file
from napari_tumor_synth.imaging.reading import read_segmentation

_SEGMENTATION = re.compile(r"(^|[^a-z])(seg|mask|labels?|segmentation)([^a-z]|$)", re.IGNORECASE)

_TWICE = "The same file was given twice."


@dataclass(frozen=True)
class FoundFiles:
    """What was pointed at: whole cases, or single files for the image and the segmentation.

    Attributes
    ----------
    cases : tuple of Case
        Cases with image and segmentation; several when a cohort was meant, to choose one of.
    image, segmentation : Path or None
        Files whose names say no case, when `cases` is empty; at least one of the two.
    chosen : str
        The sequence of the file that was named, when it was one of a case's; "" otherwise.
    notes : tuple of str
        What else the user should know, e.g. cases that were left out.
    """

    cases: tuple[Case, ...] = ()
    image: Path | None = None
    segmentation: Path | None = None
    chosen: str = ""
    notes: tuple[str, ...] = ()


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """Recognise what was dropped or picked.

    One folder is a case, a cohort, or holds one image and its segmentation. A file named as BraTS
    names it brings the other files of its case that lie beside it. Of two other files the name,
    else the content, says which one is the segmentation.

    Raises
    ------
    VolumeError
        A path is missing, DICOM, or no image.
    CohortError
        A folder or table is no cohort.
    InputError
        More than one thing was meant, or nothing says which file is the segmentation.
    """
    if not paths:
        raise InputError("Nothing was given.", "Give an MRI and its segmentation, or a folder.")
    folders = [path for path in paths if path.is_dir()]
    if folders and len(paths) > 1:
        raise InputError(
            f"{folders[0].name} is a folder, and {len(paths) - 1} more were given with it.",
            "Give one folder, or files alone.",
        )
    if folders:
        return _in_folder(folders[0])
    if len(paths) == 1 and paths[0].suffix.lower() == ".csv":
        return _cohort(paths[0])
    for path in paths:
        require_image_file(path)
    return _case_of(paths) or _loose(paths)


def pair_up(first: Path, second: Path) -> FoundFiles:
    """Tell apart an image and a segmentation that were given one by one.

    Where neither name nor content tells, the image was given first.

    Raises
    ------
    InputError
        It is the same file twice.
    """
    if first == second:
        raise InputError(_TWICE, "Give an image and its segmentation.")
    try:
        return _loose((first, second))
    except InputError:
        return FoundFiles(image=first, segmentation=second)


def is_named_as_segmentation(path: Path) -> bool:
    """Tell whether a file's name says that it holds labels."""
    return _SEGMENTATION.search(path.name) is not None


def _in_folder(folder: Path) -> FoundFiles:
    try:
        return _cohort(folder)
    except CohortError as error:
        images = [path for path in sorted(folder.iterdir()) if image_suffix(path)]
        if not images:
            _refuse_dicom(folder)
        if len(images) != 2 or all(parse_file_name(path.name) for path in images):
            raise error
    return _loose(images)


def _cohort(path: Path) -> FoundFiles:
    cohort = read_cohort(path)
    if len(cohort.cases) == 1:
        return FoundFiles((_with_class(cohort.cases[0]),), notes=cohort.notes)
    left_out = [f"{case.name} is left out: {case.reason}." for case in cohort.skipped]
    return FoundFiles(cohort.cases, notes=(*left_out, *cohort.notes))


def _refuse_dicom(folder: Path) -> None:
    """Raise VolumeError if a folder is DICOM; its sentence names a converter."""
    try:
        require_image_file(folder)
    except VolumeError as error:
        if "DICOM" in error.problem:
            raise


def _case_of(paths: Sequence[Path]) -> FoundFiles | None:
    """Return the case that files are named after, with the other files of it beside them."""
    names = [parse_file_name(path.name) for path in paths]
    meant = {(path.parent, name.case) for path, name in zip(paths, names, strict=True) if name}
    if len(meant) != 1 or None in names:
        return None
    (folder, wanted), parts = meant.pop(), [name.part for name in names if name]
    try:
        found = [case for case in read_cohort(folder).cases if case.name == wanted]
    except CohortError:
        return None  # its segmentation is elsewhere
    images = [part for part in parts if part != "seg"]
    cases = tuple(map(_with_class, found))
    return FoundFiles(cases, chosen=images[0] if images else "") if found else None


def _with_class(case: Case) -> Case:
    """Give a case that was named alone the class of the folder it lies in, however far above."""
    above = (folder.name.upper() for folder in case.segmentation.resolve().parents)
    grade = next((name for name in above if name in GRADES), UNKNOWN_CLASS)
    return replace(case, class_name=grade) if case.class_name == UNKNOWN_CLASS else case


def _loose(paths: Sequence[Path]) -> FoundFiles:
    if len(paths) > 2:
        raise InputError(
            f"{len(paths)} files were given that are not named as one case.",
            "Give one image and its segmentation.",
        )
    if len(set(paths)) < len(paths):
        raise InputError(_TWICE, "Give an image and its segmentation.")
    by_name = [path for path in paths if is_named_as_segmentation(path)]
    if len(paths) == 1:
        return FoundFiles(segmentation=paths[0]) if by_name else FoundFiles(image=paths[0])
    segmentations = by_name if len(by_name) == 1 else [path for path in paths if _has_labels(path)]
    if len(segmentations) != 1:
        raise InputError(
            f"Neither name nor content says whether {paths[0].name} or {paths[1].name} is the "
            "segmentation.",
            "Pick them one by one, the image first.",
        )
    (image,) = (path for path in paths if path != segmentations[0])
    return FoundFiles(image=image, segmentation=segmentations[0])


def _has_labels(path: Path) -> bool:
    try:
        read_segmentation(path)
    except VolumeError:
        return False
    return True
