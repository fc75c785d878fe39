"""The cases that convinced most and least, with their pictures."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.report.document import Picture, Section, Table
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.intensity import (
    BACKGROUND,
    FOREGROUND_CEILING,
    FOREGROUND_FLOOR,
)
from napari_tumor_synth.study.findings import Analysis, CaseResult
from napari_tumor_synth.study.study_file import Study

_SHOWN = 4
_COLUMNS = ("case", "truth", "generator", "class", "readers", "right", "mean rating")


def cases(analysis: Analysis, study: Study) -> Section:
    """Show the cases that most readers took for what they are not, and for what they are."""
    rows = tuple(
        (
            one.case,
            one.truth,
            one.generator,
            one.class_name,
            one.judged,
            one.right,
            one.rating,
        )
        for one in analysis.cases
    )
    single = analysis.task == "single"
    told = (
        "By the mean rating of all readers, 1 (definitely real) to 6 (definitely synthetic)."
        if single
        else "By the mean rating of all readers, 1 (definitely the real one) to 6 (definitely the "
        "synthetic one); the synthetic one of each pair is shown first."
    )
    return Section(
        "Most and least convincing cases",
        (f"{told} Single cases say little: with few readers, some are extreme by chance.",),
        (Table("cases", "All cases, those that most took for real first.", _COLUMNS, rows, False),),
        tuple(
            Picture(f"cases_{number}", label, _sheet(label, found, study))
            for number, (label, found) in enumerate(_groups(analysis))
        ),
    )


def _groups(analysis: Analysis) -> list[tuple[str, Sequence[CaseResult]]]:
    """Return the ends of each kind's order; no case is in two groups."""
    if analysis.task == "2afc":
        kinds = [("pairs", "seen through least", "seen through most", analysis.cases)]
    else:
        synthetic = tuple(one for one in analysis.cases if one.truth == "synthetic")
        real = tuple(one for one in analysis.cases if one.truth == "real")
        kinds = [
            ("synthetic", "most taken for real", "least taken for real", synthetic),
            ("real", "most taken for real", "least taken for real", real),
        ]
    groups: list[tuple[str, Sequence[CaseResult]]] = []
    for kind, low, high, found in kinds:
        count = min(_SHOWN, len(found) // 2)
        if count:
            groups.append((f"{kind}: {low}", found[:count]))
            groups.append((f"{kind}: {high}", found[-count:][::-1]))
    return groups


def _named(one: CaseResult) -> str:
    return f"{one.rating:.1f}  {one.generator or 'real'}, {one.class_name}"


def _sheet(label: str, found: Sequence[CaseResult], study: Study) -> bytes:
    spacing = (study.file.display.spacing_mm,) * 3
    items = [
        SheetItem(_intensities(study.image(token)), caption, spacing)
        for one in found
        for token, caption in ((one.image, _named(one)), (one.other, "its real one"))
        if token
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder, "cases.png")
        contact_sheet([(label, items)], path, "Mean ratings")
        return path.read_bytes()


def _intensities(shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a display copy as an ROI in [-1, 1]."""
    share = (shown.astype(np.float32) - 1) / 254
    inside = FOREGROUND_FLOOR + share * (FOREGROUND_CEILING - FOREGROUND_FLOOR)
    return np.where(shown > 0, inside, BACKGROUND).astype(np.float32)
