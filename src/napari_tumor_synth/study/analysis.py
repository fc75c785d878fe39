"""Work out everything that the answers of a study say."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.study.answers_table import AnswerRow
from napari_tumor_synth.study.findings import (
    Agreement,
    Analysis,
    CaseResult,
    NotJudged,
    Stability,
)
from napari_tumor_synth.study.matrices import (
    answers_of,
    first_answers,
    of_repeats,
    places_of,
    without_truth,
)
from napari_tumor_synth.study.scale import MIDDLE, Task
from napari_tumor_synth.study.statistics.agreement import (
    agreed,
    alpha,
    fleiss,
    mean_weighted_kappa,
    pairwise_kappa,
    weighted_kappa,
)
from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.contrasts import Contrast, contrast
from napari_tumor_synth.study.statistics.course import Times, times, trend
from napari_tumor_synth.study.statistics.of_reader import ReaderResult, result_of
from napari_tumor_synth.study.statistics.pooled import pooled

REAL_CASES = "real cases"
_SIZES = ("small", "medium", "large")


def analyse(rows: Sequence[AnswerRow], task: Task, margin: float) -> Analysis:
    """Analyse the answers of a study.

    Parameters
    ----------
    rows : sequence of AnswerRow
        At least one.
    task : {"single", "2afc"}
    margin : float
        See `StudyDesign`.
    """
    scored = first_answers(rows)
    answers = answers_of(rows, task)
    of_case = {row.case: row for row in scored}
    told = [of_case[case] for case in answers.cases]
    generators = sorted({row.generator for row in told if row.generator})
    classes = sorted({row.class_name for row in told})

    of_generator = np.array([row.generator for row in told])
    of_class = np.array([row.class_name for row in told])
    of_size, limits = _sizes(told)
    some = any(row.rating is None for row in scored)
    ends = [
        pooled(_as_if(answers, scored, right=right), task, margin) if some else None
        for right in (False, True)
    ]
    return Analysis(
        task=task,
        margin=margin,
        readers=_readers(answers, rows, task, margin),
        overall=pooled(answers, task, margin),
        if_wrong=ends[0],
        if_right=ends[1],
        not_judged=_not_judged(scored),
        by_generator={
            name: pooled(answers.of((of_generator == name) | (of_generator == "")), task, margin)
            for name in generators
        },
        by_class={name: pooled(answers.of(of_class == name), task, margin) for name in classes},
        by_size={name: pooled(answers.of(of_size == name), task, margin) for name in _SIZES},
        size_limits_ml=limits,
        contrasts=_contrasts(answers, told, generators, task),
        agreement=_agreement(answers, task),
        stability={name: _stability(rows, name, task) for name in answers.readers},
        times={name: _times(scored, name) for name in answers.readers},
        trend=trend(places_of(rows, answers), answers.correct()),
        cases=_cases(answers, told, task),
    )


def _readers(
    answers: Answers, rows: Sequence[AnswerRow], task: Task, margin: float
) -> tuple[ReaderResult, ...]:
    found = []
    for number, reader in enumerate(answers.readers):
        left = {row.case for row in rows if row.reader == reader and row.truth == "left"}
        sides = np.array([case in left for case in answers.cases])
        found.append(result_of(answers, number, task, margin, sides))
    return tuple(one for one in found if one is not None)


def _sizes(told: Sequence[AnswerRow]) -> tuple[NDArray[np.str_], tuple[float, float]]:
    """Return whether each case is small, medium or large, and the limits in ml."""
    volumes = np.array([row.volume_ml for row in told])
    low, high = np.quantile(volumes, [1 / 3, 2 / 3]).tolist()
    return np.array(_SIZES)[np.searchsorted([low, high], volumes, side="right")], (low, high)


def _as_if(answers: Answers, scored: Sequence[AnswerRow], *, right: bool) -> Answers:
    """Return the answers if what could not be judged had been right, or wrong, for certain."""
    ratings = answers.ratings.copy()
    at = {case: number for number, case in enumerate(answers.cases)}
    for row in scored:
        if row.rating is None:
            number = at[row.case]
            said = 6 if answers.is_synthetic[number] == right else 1
            ratings[answers.readers.index(row.reader), number] = said
    return Answers(ratings, answers.is_synthetic, answers.readers, answers.cases)


def _not_judged(scored: Sequence[AnswerRow]) -> dict[str, NotJudged]:
    kinds = sorted({row.generator for row in scored})
    of = {kind: [row for row in scored if row.generator == kind] for kind in kinds}
    return {
        kind or REAL_CASES: NotJudged(len(rows), sum(row.rating is None for row in rows))
        for kind, rows in of.items()
    }


def _contrasts(
    answers: Answers, told: Sequence[AnswerRow], generators: Sequence[str], task: Task
) -> dict[tuple[str, str], Contrast]:
    """Compare generators by the readers who judged at least two cases of each kind."""
    of = np.array([row.generator for row in told])
    found: dict[tuple[str, str], Contrast] = {}
    if task == "single" and not (of == "").any():
        return found
    for first, second in combinations(generators, 2):
        kinds = [kind for kind in (of == first, of == second, of == "") if kind.any()]
        judged = [(~np.isnan(answers.ratings[:, kind])).sum(axis=1) for kind in kinds]
        enough = np.min(judged, axis=0) >= 2
        if enough.any():
            found[first, second] = contrast(answers.by(enough), kinds[0], kinds[1])
    return found


def _agreement(answers: Answers, task: Task) -> Agreement:
    counts = (~np.isnan(answers.ratings)).sum(axis=1)
    own = answers.by(2 * counts >= counts.max())
    ratings = without_truth(own.ratings, own.cases, task)
    judged = ~np.isnan(ratings)
    said = np.where(judged, ratings > MIDDLE, np.nan)
    return Agreement(
        agreed(fleiss(said), fleiss, said),
        agreed(mean_weighted_kappa(ratings), pairwise_kappa, ratings),
        agreed(alpha(ratings), alpha, ratings),
        own.readers,
        int(np.count_nonzero(judged.sum(axis=0) >= 2)),
        int(np.count_nonzero(judged.all(axis=0))),
    )


def _stability(rows: Sequence[AnswerRow], reader: str, task: Task) -> Stability:
    before, again = of_repeats(rows, reader, task)
    same = int(np.count_nonzero((before > MIDDLE) == (again > MIDDLE)))
    return Stability(len(before), same, weighted_kappa(before, again))


def _times(scored: Sequence[AnswerRow], reader: str) -> dict[str, Times | None]:
    own = [row for row in scored if row.reader == reader and row.seconds is not None]
    kinds: dict[str, Callable[[AnswerRow], bool]] = {
        "all": lambda row: True,
        "real": lambda row: row.truth == "real",
        "synthetic": lambda row: row.truth == "synthetic",
        "right": lambda row: row.is_right is True,
        "wrong": lambda row: row.is_right is False,
    }
    return {
        name: times(np.array([row.seconds for row in own if keep(row)], float))
        for name, keep in kinds.items()
    }


def _cases(answers: Answers, told: Sequence[AnswerRow], task: Task) -> tuple[CaseResult, ...]:
    correct = answers.correct()
    found = [
        CaseResult(
            row.case,
            row.truth if task == "single" else "pair",  # the side differs between readers
            row.generator,
            row.class_name,
            row.image,
            row.other,
            int(np.count_nonzero(~np.isnan(correct[:, number]))),
            int(np.nansum(correct[:, number])),
            float(np.nanmean(answers.ratings[:, number])),
        )
        for number, row in enumerate(told)
        if not np.isnan(answers.ratings[:, number]).all()
    ]
    return tuple(sorted(found, key=lambda case: case.rating))
