"""Answers for other programs: one row an answer, readers by cases, and the format of iMRMC.

.. [1] iMRMC, U.S. Food and Drug Administration: a row of reader, case, modality and score an
   observation, and one a case with its truth.
"""

from collections.abc import Sequence

from napari_tumor_synth.evaluation.report.document import Cell, Table
from napari_tumor_synth.study.answers_table import AnswerRow
from napari_tumor_synth.study.matrices import first_answers, toward_synthetic
from napari_tumor_synth.study.scale import Task

_TRUTH = "truth"
LONG_COLUMNS = (
    "reader", "place", "block", "case", "is_repeat", "truth", "generator", "class", "volume_ml",
    "rating", "is_right", "seconds", "seconds_to_first", "revisions", "axial_slices",
    "coronal_slices", "sagittal_slices", "window_low", "window_high", "reasons", "comment",
    "cannot_judge",
)  # fmt: skip


def long_table(rows: Sequence[AnswerRow]) -> Table:
    """Return a row an answer, repeats among them."""
    return Table(
        "answers_long",
        "All answers, one a row.",
        LONG_COLUMNS,
        tuple(_long(row) for row in rows),
        in_page=False,
    )


def matrix_table(rows: Sequence[AnswerRow], task: Task) -> Table:
    """Return a row a case and a column a reader: ratings toward synthetic, without repeats."""
    scored = first_answers(rows)
    readers = tuple(dict.fromkeys(row.reader for row in scored))
    cases = {row.case: row for row in scored}
    given = {
        (row.case, row.reader): int(toward_synthetic(row))
        for row in scored
        if row.rating is not None
    }
    return Table(
        "reader_by_case",
        "Ratings of each case by each reader, higher toward synthetic (of pairs, toward the one "
        "that is).",
        ("case", "truth", "generator", "class", *readers),
        tuple(
            (
                case,
                row.truth if task == "single" else "pair",
                row.generator,
                row.class_name,
                *(given.get((case, one)) for one in readers),
            )
            for case, row in sorted(cases.items())
        ),
        in_page=False,
    )


def imrmc_table(rows: Sequence[AnswerRow]) -> Table:
    """Return the format of iMRMC [1]_: a modality a generator, real cases in each of them.

    Not for pairs: their two halves are one observation, and taken as two they would halve the
    variance.

    Parameters
    ----------
    rows : sequence of AnswerRow
        Of single cases.
    """
    scored = [row for row in first_answers(rows) if row.rating is not None]
    generators = sorted({row.generator for row in scored if row.generator})
    truths: dict[str, int] = {}
    found: list[tuple[Cell, ...]] = []
    for row in scored:
        truths[row.case] = int(row.truth == "synthetic")
        modalities = [row.generator] if row.generator else generators
        found += [(row.reader, row.case, modality, row.rating) for modality in modalities]
    told: list[tuple[Cell, ...]] = [
        (_TRUTH, case, _TRUTH, truth) for case, truth in sorted(truths.items())
    ]
    return Table(
        "imrmc",
        "Ratings for iMRMC.",
        ("readerID", "caseID", "modalityID", "score"),
        tuple(told + found),
        in_page=False,
    )


def _long(row: AnswerRow) -> tuple[Cell, ...]:
    low, high = row.window or (None, None)
    return (
        row.reader, row.place, row.block, row.case, int(row.is_repeat), row.truth, row.generator,
        row.class_name, row.volume_ml, row.rating,
        None if row.is_right is None else int(row.is_right), _rounded(row.seconds),
        _rounded(row.seconds_to_first), row.revisions, row.slices["axial"], row.slices["coronal"],
        row.slices["sagittal"], low, high, "; ".join(row.reasons), row.comment, row.cannot_judge,
    )  # fmt: skip


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
