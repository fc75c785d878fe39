"""Cohorts that a user lists in a table: any file names, any classes."""

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.case import (
    UNKNOWN_CLASS,
    Case,
    Cohort,
    SkippedCase,
    sequence_name,
)

_REQUIRED = ("patient", "class", "segmentation")


@dataclass(frozen=True)
class _Row:
    number: int  # the last line of the row, as an editor counts them
    patient: str
    class_name: str
    name: str  # empty when the table does not name its cases
    files: Mapping[str, Path]  # by sequence, and "segmentation"; only the cells that are filled


def read_cohort_table(table: Path, sequences: Sequence[str] = ()) -> Cohort:
    """Read a CSV file with the columns patient, class, segmentation and one for each sequence.

    Columns are separated by comma, semicolon or tab. Relative paths are relative to the table.
    A sequence column is called ``flair``, ``t1``, ``t1ce``, ``t2``, by a BraTS 2023 name
    (``t2f``, ``t1n``, ``t1c``, ``t2w``), or as in `sequences`. A column ``name`` may name the
    cases; else they are called after the patient, numbered where a patient has several
    examinations. An empty class means ``"unknown"``. Other columns are ignored with a note.

    Raises
    ------
    CohortError
        Names the row and the column: a column, patient or file is missing, or two rows are
        alike or use the same file.
    """
    header, lines = _read_lines(table)
    columns = _columns(table, header, sequences)
    rows = [_row(table, number, header, cells, columns) for number, cells in lines]
    _refuse_files_used_twice(table, rows)

    cases: list[Case] = []
    skipped: list[SkippedCase] = []
    for row, name in zip(rows, _names(table, rows), strict=True):
        images = {column: file for column, file in row.files.items() if column != "segmentation"}
        lacking = [column for column in (*sequences, "segmentation") if column not in row.files]
        if lacking or not images:
            what = " and no ".join(lacking or ["image"])
            skipped.append(SkippedCase(name, f"row {row.number} of the table names no {what}"))
            continue
        cases.append(Case(row.patient, name, row.class_name, images, row.files["segmentation"]))
    ignored = [column for column in header if column and column not in columns]
    return Cohort(
        tuple(sorted(cases, key=lambda case: case.name)),
        tuple(sorted(skipped, key=lambda case: case.name)),
        (f"Columns of the table that were ignored: {', '.join(ignored)}.",) if ignored else (),
    )


def _read_lines(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header in lower case and, with their line numbers, all rows not empty."""
    try:
        text = table.read_text("utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CohortError(
            f"Cannot read the table {table}: {error}.", "Save it as a UTF-8 text file (CSV)."
        ) from error
    filled = [(number, cells) for number, cells in lines if any(cells)]
    return [cell.lower() for cell in filled[0][1]] if filled else [], filled[1:]


def _columns(table: Path, header: Sequence[str], sequences: Sequence[str]) -> dict[str, str]:
    """Map the columns of the table that count to the product's names for them."""
    own_names = {name: name for name in (*_REQUIRED, "name")}
    own_names |= {name.lower(): name for name in sequences}
    columns: dict[str, str] = {}
    for column in header:
        name = own_names.get(column) or sequence_name(column)
        if name is not None and name in columns.values():
            raise CohortError(f"{table} has two columns for {name}.", "Keep one of them.")
        if name is not None:
            columns[column] = name
    if missing := [name for name in (*_REQUIRED, *sequences) if name not in columns.values()]:
        raise CohortError(
            f"{table} has no column {', '.join(missing)}.",
            "Its first row must name the columns patient, class, segmentation and one for each "
            f"sequence; it reads: {', '.join(header) or 'nothing'}.",
        )
    if not set(columns.values()) - {*_REQUIRED, "name"}:
        raise CohortError(
            f"{table} has no column for any sequence.",
            "Add a column flair, t1, t1ce or t2 with the paths of the images.",
        )
    return columns


def _row(
    table: Path, number: int, header: Sequence[str], cells: Sequence[str], columns: dict[str, str]
) -> _Row:
    if len(cells) > len(header):
        raise CohortError(
            f"Row {number} of {table} has {len(cells)} cells, the header has {len(header)}.",
            "Quote values that contain the separator.",
        )
    values = {columns[c]: cell for c, cell in zip(header, cells, strict=False) if c in columns}
    patient = values.pop("patient", "")
    if not patient:
        raise CohortError(
            f"Row {number} of {table} has nothing in column patient.",
            "Fill it; rows of one person must have the same entry.",
        )
    class_name, name = values.pop("class", "") or UNKNOWN_CLASS, values.pop("name", "")
    files = {
        column: _existing_file(table, number, column, cell)
        for column, cell in sorted(values.items())
        if cell
    }
    return _Row(number, patient, class_name, name, files)


def _existing_file(table: Path, number: int, column: str, cell: str) -> Path:
    try:
        path = Path(os.path.normpath(table.parent / Path(cell).expanduser()))
        if path.is_file():
            return path
        what = str(path)
    except (RuntimeError, OSError):  # no such user's home; a name too long or not to be looked at
        what = cell
    raise CohortError(
        f"Row {number} of {table}, column {column}: there is no file {what}.",
        "Correct the path; relative paths are relative to the table.",
    )


def _refuse_files_used_twice(table: Path, rows: Sequence[_Row]) -> None:
    seen: dict[Path, tuple[int, str]] = {}
    for row in rows:
        for column, file in row.files.items():
            number, other = seen.setdefault(file, (row.number, column))
            if (number, other) != (row.number, column):
                raise CohortError(
                    f"Row {row.number} of {table} uses in column {column} the file {file}, as "
                    f"row {number} does in column {other}.",
                    "Remove the duplicated row, or correct the path.",
                )


def _names(table: Path, rows: Sequence[_Row]) -> list[str]:
    """Name the cases by the column ``name``, else by patient and number of examination."""
    examinations: dict[str, list[list[Path]]] = {}
    for row in rows:
        examinations.setdefault(row.patient, []).append(list(row.files.values()))
    names: list[str] = []
    for row in rows:
        of_patient = sorted(examinations[row.patient])  # by file: the order of rows is chance
        number = of_patient.index(list(row.files.values())) + 1
        own_name = row.patient if len(of_patient) == 1 else f"{row.patient}-{number}"
        names.append(row.name or own_name)
    counts = Counter(names)
    for row, name in zip(rows, names, strict=True):
        if counts[name] > 1:
            raise CohortError(
                f"Row {row.number} of {table} is called {name}, as another row is.",
                "Give each row its own entry in the column name.",
            )
    return names
