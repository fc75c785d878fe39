"""What the file and case names of the BraTS releases say."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.case import LabelScheme, sequence_name

GRADES = ("HGG", "LGG")

_FILE = re.compile(
    r"(?P<case>.+?)[_-](?P<part>flair|t1ce|t1c|t1n|t1|t2f|t2w|t2|seg)\.nii(\.gz)?", re.IGNORECASE
)
_SINCE_2023 = re.compile(r"(?P<patient>BraTS-[A-Z]+-\d+)-\d+", re.IGNORECASE)
_ENHANCING_3 = re.compile(r"BraTS-(GLI|SSA)-\d+-\d+", re.IGNORECASE)
_UNTIL_2019 = re.compile(r"BraTS1[789]_(?P<site>TCIA|CBICA|2013)\d*_(?P<number>\w+)_\d+", re.I)
_MAPPING_IDS = (
    "BraTS_2017_subject_ID",
    "BraTS_2018_subject_ID",
    "BraTS_2019_subject_ID",
    "BraTS_2020_subject_ID",
)


@dataclass(frozen=True)
class FileName:
    """A file of a case: the case's name, and a sequence or ``"seg"``."""

    case: str
    part: str


def parse_file_name(name: str) -> FileName | None:
    """Read a file name of BraTS since 2017 or of a phantom; None for any other file.

    Examples
    --------
    >>> parse_file_name("BraTS-GLI-00003-000-t2f.nii.gz")
    FileName(case='BraTS-GLI-00003-000', part='flair')
    """
    match = _FILE.fullmatch(name)
    if match is None:
        return None
    part = match["part"].lower()
    return FileName(match["case"], "seg" if part == "seg" else sequence_name(part) or part)


def patient_of(case_name: str) -> str:
    """Return the patient's identifier that a case name carries, alike in all releases.

    Since BraTS 2023 the last number of a name is the time point. From 2017 to 2019 the name holds
    the year of the release and, since 2018, the institution: neither belongs to the patient, and
    the last number counts examinations. Names of 2020 and 2021 are numbers of their own
    release; only `name_mapping.csv` links those of 2020 to earlier ones, and nothing that is
    distributed in this layout links those of 2021.

    Examples
    --------
    >>> patient_of("Brats18_TCIA01_201_1") == patient_of("Brats17_TCIA_201_1") == "TCIA_201"
    True
    >>> patient_of("BraTS-GLI-00000-001")
    'BraTS-GLI-00000'
    """
    if match := _SINCE_2023.fullmatch(case_name):
        return match["patient"]
    if match := _UNTIL_2019.fullmatch(case_name):
        return f"{match['site']}_{match['number']}"
    return case_name


def label_scheme_of(case_name: str) -> LabelScheme:
    """Return which label the release of this case uses for enhancing tumour.

    Since 2023, challenges have labels of their own; it is known for adult gliomas (GLI) and Africa
    (SSA) alone.
    """
    if _ENHANCING_3.fullmatch(case_name):
        return "enhancing-3"
    if _SINCE_2023.fullmatch(case_name):
        return "unknown"
    if case_name.lower().startswith(("brats", "phantom_")):
        return "enhancing-4"
    return "unknown"


@dataclass(frozen=True)
class NameMapping:
    """What the ``name_mapping*.csv`` files of a cohort say about case names.

    Attributes
    ----------
    grades : mapping of str to str
        Case name to HGG or LGG.
    patients : mapping of str to str
        Case name to the patient's identifier in the earliest release that has the patient.
    """

    grades: Mapping[str, str] = field(default_factory=dict)
    patients: Mapping[str, str] = field(default_factory=dict)


def read_name_mappings(files: Iterable[Path]) -> NameMapping:
    """Read all ``name_mapping*.csv`` files of BraTS 2018, 2019 or 2020.

    Raises
    ------
    CohortError
        A file is not a text table, or two of its rows give one case different grades.
    """
    grades: dict[str, str] = {}
    patients: dict[str, str] = {}
    for file in files:
        for row in _rows(file):
            names = [row[column] for column in _MAPPING_IDS if row.get(column, "NA") not in _NONE]
            for name in names:
                patients[name] = patient_of(names[0])
                grade = (row.get("Grade") or "").upper()
                if grade in GRADES and grades.setdefault(name, grade) != grade:
                    raise CohortError(
                        f"{file} calls {name} both {grades[name]} and {grade}.",
                        "Correct the Grade column of the table.",
                    )
    return NameMapping(grades, patients)


_NONE = ("", "NA", None)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CohortError(
            f"Cannot read the table {file}: {error}.",
            "Save it as a comma-separated UTF-8 text file, or move it out of the folder.",
        ) from error
