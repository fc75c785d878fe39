"""Find the cases of a cohort: in a folder named as BraTS names it, or in a table."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.brats_names import (
    GRADES,
    NameMapping,
    label_scheme_of,
    parse_file_name,
    patient_of,
    read_name_mappings,
)
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS, Case, Cohort, SkippedCase
from napari_tumor_synth.imaging.cohort_table import read_cohort_table

__all__ = ["Case", "Cohort", "SkippedCase", "find_cases", "read_cohort"]

_MAXIMUM_DEPTH = 6


def find_cases(root_or_csv: Path | str) -> list[Case]:
    """Return the complete cases of a cohort, ordered by name; see `read_cohort`."""
    return list(read_cohort(root_or_csv).cases)


def read_cohort(root_or_csv: Path | str, sequences: Sequence[str] = ()) -> Cohort:
    """Find the cases of a cohort and say which ones cannot be used.

    A folder is searched six levels deep for files named as BraTS (2017 to 2021, 2023 and Africa)
    or this product's phantoms name them; hidden files are ignored. A case's class is the nearest
    folder above it that is called HGG or LGG (the cohort's own folder included), else the Grade
    column of a ``name_mapping*.csv``, else ``"unknown"``. Folders that cannot be read, and cases
    whose names are not UTF-8, are skipped with the reason. A file is read as a table, see
    `read_cohort_table`.

    Parameters
    ----------
    root_or_csv : path
        Folder, or CSV file.
    sequences : sequence of str
        Sequences that a case must have to be complete; one at least in any case.

    Raises
    ------
    CohortError
        Nothing is there or it cannot be read, no case is complete, two cases have one name, or a
        table is wrong.
    """
    path = Path(root_or_csv)
    if path.is_dir():
        cohort = _read_folder(path, sequences)
    elif path.is_file():
        cohort = read_cohort_table(path, sequences)
    else:
        raise CohortError(
            f"There is no folder or table {path}.",
            "Give the folder that holds the cases, or a CSV file that lists them.",
        )
    if not cohort.cases:
        raise CohortError(f"No complete case in {path}.", _why_none(cohort.skipped))
    return cohort


def _read_folder(root: Path, sequences: Sequence[str]) -> Cohort:
    notes: list[str] = []
    files: dict[Path, dict[str, Path]] = {}  # by folder / case name, then by part
    tables: list[Path] = []
    skipped: dict[str, SkippedCase] = {}
    for file in _visible_files(root, skipped):
        if file.name.lower().startswith("name_mapping") and file.suffix.lower() == ".csv":
            tables.append(file)
        if (parsed := parse_file_name(file.name)) is None:
            continue
        if (name := _printable(parsed.case)) != parsed.case:
            skipped[name] = SkippedCase(name, "its name is not valid UTF-8; rename its files")
            continue
        parts = files.setdefault(file.parent / parsed.case, {})
        if parsed.part in parts:
            notes.append(f"{parts[parsed.part].name} is used, {file.name} beside it is not.")
        parts.setdefault(parsed.part, file)

    mapping = read_name_mappings(tables)
    cases: list[Case] = []
    for stem, parts in files.items():
        if reason := _missing(parts, sequences):
            skipped[str(stem)] = SkippedCase(stem.name, reason)
            continue
        class_name, doubt = _class_of(stem, root, mapping)
        notes.extend(doubt)
        cases.append(
            Case(
                patient=mapping.patients.get(stem.name) or patient_of(stem.name),
                name=stem.name,
                class_name=class_name,
                sequences={part: file for part, file in sorted(parts.items()) if part != "seg"},
                segmentation=parts["seg"],
                label_scheme=label_scheme_of(stem.name),
            )
        )
    _refuse_equal_names(cases)
    return Cohort(
        tuple(sorted(cases, key=lambda case: case.name)),
        tuple(sorted(skipped.values(), key=lambda case: case.name)),
        tuple(notes),
    )


def _visible_files(root: Path, skipped: dict[str, SkippedCase]) -> Iterable[Path]:
    """Walk in sorted order, a bounded number of levels deep, following links once.

    Folders that cannot be read are added to `skipped`.
    """

    def cannot_be_read(error: OSError) -> None:
        folder, why = Path(error.filename), error.strerror or str(error)
        if folder == root:
            raise CohortError(
                f"The folder {root} cannot be read: {why}.", "Check the folder's permissions."
            ) from error
        name = _printable(folder.relative_to(root).as_posix())
        skipped[str(folder)] = SkippedCase(name, f"this folder cannot be read: {why}")

    visited: set[str] = set()
    for folder, subfolders, names in os.walk(root, onerror=cannot_be_read, followlinks=True):
        real_folder = os.path.realpath(folder)
        depth = len(Path(folder).relative_to(root).parts)
        if depth == _MAXIMUM_DEPTH or real_folder in visited:
            subfolders.clear()
        if real_folder in visited:
            continue
        visited.add(real_folder)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        # macOS leaves "._name" beside each file on foreign disks; a leading dot covers both
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _printable(name: str) -> str:
    """Replace bytes of a file's name that are not UTF-8, which no text file can hold."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _missing(parts: dict[str, Path], sequences: Sequence[str]) -> str:
    if "seg" not in parts:
        return "it has no segmentation"
    if len(parts) == 1:
        return "it has no image"
    lacking = [name for name in sequences if name not in parts]
    return f"it has no {' and no '.join(lacking)} image" if lacking else ""


def _class_of(stem: Path, root: Path, mapping: NameMapping) -> tuple[str, list[str]]:
    from_table = mapping.grades.get(stem.name)
    folders = (root.resolve().name, *stem.relative_to(root).parts[:-1])
    from_folder = next((name.upper() for name in reversed(folders) if name.upper() in GRADES), None)
    if from_table and from_folder and from_table != from_folder:
        doubt = f"{stem.name} lies in a folder {from_folder}, which counts; the table says "
        return from_folder, [doubt + f"{from_table}."]
    return from_folder or from_table or UNKNOWN_CLASS, []


def _refuse_equal_names(cases: Iterable[Case]) -> None:
    seen: dict[str, Case] = {}
    for case in cases:
        if (other := seen.setdefault(case.name, case)) is not case:
            raise CohortError(
                f"Two cases are called {case.name}: in {other.segmentation.parent} and in "
                f"{case.segmentation.parent}.",
                "Move one of them out of the folder, or name a folder that holds only one.",
            )


def _why_none(skipped: Sequence[SkippedCase]) -> str:
    if skipped:
        first = skipped[0]
        return f"{len(skipped)} incomplete found; the first is {first.name}: {first.reason}."
    return (
        "Files are expected to be named like Brats18_X_1_flair.nii.gz and Brats18_X_1_seg.nii.gz "
        "or BraTS-GLI-00000-000-t2f.nii.gz; list any others in a CSV file with the columns "
        "patient, class, flair, segmentation."
    )
