"""Answers as the arrays that statistics take."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.study.answers_table import AnswerRow
from napari_tumor_synth.study.scale import MIDDLE, Task
from napari_tumor_synth.study.statistics.answers import Answers


def first_answers(rows: Sequence[AnswerRow]) -> list[AnswerRow]:
    """Return the answers that are scored: those to repeats say how stable readers are."""
    return [row for row in rows if not row.is_repeat]


def answers_of(rows: Sequence[AnswerRow], task: Task) -> Answers:
    """Return scored answers by reader and case; ratings of pairs are toward the synthetic one.

    Parameters
    ----------
    rows : sequence of AnswerRow
    task : {"single", "2afc"}
    """
    scored = first_answers(rows)
    readers = tuple(dict.fromkeys(row.reader for row in scored))
    cases = tuple(sorted({row.case for row in scored}))
    ratings = np.full((len(readers), len(cases)), np.nan)
    truth = np.zeros(len(cases), bool)
    place = {case: number for number, case in enumerate(cases)}
    for row in scored:
        at = place[row.case]
        truth[at] = task == "2afc" or row.truth == "synthetic"
        if row.rating is not None:
            ratings[readers.index(row.reader), at] = toward_synthetic(row)
    return Answers(ratings, truth, readers, cases)


def places_of(rows: Sequence[AnswerRow], answers: Answers) -> NDArray[np.float64]:
    """Return which answer of its reader each was, from 0 (readers, cases); NaN for none."""
    at = {(row.reader, row.case): row.place for row in first_answers(rows)}
    return np.array(
        [[at.get((reader, case), np.nan) for case in answers.cases] for reader in answers.readers]
    )


def toward_synthetic(row: AnswerRow) -> float:
    """Return a rating that is higher the more it says that what is synthetic is so.

    For a single ROI that is the rating itself; of a pair it is turned round where the left one is
    synthetic, so that it is right above the middle.
    """
    assert row.rating is not None
    return 2 * MIDDLE - row.rating if row.truth == "left" else float(row.rating)


def without_truth(ratings: NDArray[np.float64], cases: Sequence[str], task: Task
                  ) -> NDArray[np.float64]:  # fmt: skip
    """Return ratings (..., cases) so that agreement about them is not agreement with the truth.

    Those of single cases are. Ratings of pairs toward the synthetic one are high for all readers
    who are right; half of the pairs, by the hash of their names, are turned to the real one.
    """
    if task == "single":
        return ratings
    order = sorted(range(len(cases)), key=lambda at: sha256(cases[at].encode()).digest())
    turned = np.zeros(len(cases), bool)
    turned[order[::2]] = True
    return np.where(turned, 2 * MIDDLE - ratings, ratings)


def of_repeats(
    rows: Sequence[AnswerRow], reader: str, task: Task
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a reader's first and second ratings of the cases that were repeated."""
    own = [row for row in rows if row.reader == reader and row.rating is not None]
    again = {row.case: toward_synthetic(row) for row in own if row.is_repeat}
    before = {row.case: toward_synthetic(row) for row in own if not row.is_repeat}
    both = [case for case in again if case in before]
    ratings = np.array([[one[case] for case in both] for one in (before, again)], float)
    first, second = without_truth(ratings, both, task)
    return first, second
