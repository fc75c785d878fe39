"""What a cohort consists of: cases of patients, and what had to be left out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

UNKNOWN_CLASS = "unknown"

LabelScheme = Literal["enhancing-4", "enhancing-3", "unknown"]

_PHANTOM = re.compile(r"Phantom_(HGG|LGG)_[0-9]{6,}")
_ALIASES = {
    "flair": "flair",
    "t2f": "flair",
    "t1": "t1",
    "t1n": "t1",
    "t1ce": "t1ce",
    "t1c": "t1ce",
    "t1gd": "t1ce",
    "t2": "t2",
    "t2w": "t2",
}


def sequence_name(name: str) -> str | None:
    """Return the product's name of a sequence that BraTS calls `name`, or None if it is none.

    Examples
    --------
    >>> sequence_name("t2f"), sequence_name("T1ce"), sequence_name("age")
    ('flair', 't1ce', None)
    """
    return _ALIASES.get(name.strip().lower())


@dataclass(frozen=True)
class Case:
    """One examination of one patient: its sequences and the segmentation of the tumour.

    Attributes
    ----------
    patient : str
        Shared by all examinations of one person, so that no split can part them.
    name : str
        Unique in the cohort.
    class_name : str
        E.g. ``"LGG"``; ``"unknown"`` when nothing says it.
    sequences : mapping of str to Path
        Image files by sequence name (``flair``, ``t1``, ``t1ce``, ``t2``, or a column of a table).
    segmentation : Path
    label_scheme : {"enhancing-4", "enhancing-3", "unknown"}
        Which label means enhancing tumour: 4 until BraTS 2021, 3 in BraTS 2023 (adult gliomas) and
        Africa.
    """

    patient: str
    name: str
    class_name: str
    sequences: Mapping[str, Path]
    segmentation: Path
    label_scheme: LabelScheme = "unknown"

    @property
    def is_phantom(self) -> bool:
        """Whether the name is one that this product gives to simulated cases."""
        return _PHANTOM.fullmatch(self.name) is not None


@dataclass(frozen=True)
class SkippedCase:
    """A case that was found and could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Cohort:
    """The cases found in a folder or table, ordered by name.

    Attributes
    ----------
    cases : tuple of Case
    skipped : tuple of SkippedCase
        Incomplete cases; never dropped in silence.
    notes : tuple of str
        What else the user should know, e.g. columns that were ignored.
    """

    cases: tuple[Case, ...]
    skipped: tuple[SkippedCase, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    @property
    def classes(self) -> tuple[str, ...]:
        """The known classes, sorted."""
        return tuple(sorted({case.class_name for case in self.cases} - {UNKNOWN_CLASS}))
