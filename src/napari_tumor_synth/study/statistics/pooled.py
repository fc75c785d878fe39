"""What all readers together say of one kind of synthetic ROI against real ones."""

import math
from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.study.scale import Task
from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.equivalence import equivalence
from napari_tumor_synth.study.statistics.figures import Jackknifed, areas, balanced_shares, shares
from napari_tumor_synth.study.statistics.obuchowski_rockette import (
    Estimate,
    mean_of_readers,
)
from napari_tumor_synth.study.statistics.of_reader import result_of


@dataclass(frozen=True, slots=True)
class Pooled:
    """Means over readers.

    Attributes
    ----------
    readers : int
        Who judged enough cases of each kind.
    real, synthetic : int
        Cases that any of them judged; of pairs both are the number of pairs.
    accuracy : Estimate
        Share of right answers, real and synthetic cases counting the same. Of one reader alone,
        with the exact interval of pairs or Newcombe's of single cases.
    equivalence : float or None
        p-value that the accuracy is within the study's margin of 50 %; None without an interval.
    area : Estimate or None
        Under the ROC curve; None for pairs, whose accuracy it is.
    area_equivalence : float or None
        p-value that the area is within the margin of 50 %.
    """

    readers: int
    real: int
    synthetic: int
    accuracy: Estimate
    equivalence: float | None
    area: Estimate | None
    area_equivalence: float | None


def pooled(answers: Answers, task: Task, margin: float) -> Pooled | None:
    """Return what all readers say; None where nobody judged two cases of each kind.

    Readers who judged fewer are left out.
    """
    found = _figures(answers, task)
    enough = np.isfinite(found.values[0])
    if not enough.any():
        return None
    judged = ~np.isnan(answers.ratings[enough]).all(axis=0)
    synthetic = int(np.count_nonzero(judged & answers.is_synthetic))
    real = synthetic if task == "2afc" else int(np.count_nonzero(judged & ~answers.is_synthetic))
    accuracy = mean_of_readers(_of(found, enough))
    equal = equivalence(accuracy, margin)
    if np.count_nonzero(enough) == 1:
        accuracy, equal = _of_one(answers, int(np.argmax(enough)), task, margin)
    area = mean_of_readers(_of(areas(answers), enough)) if task == "single" else None
    return Pooled(
        int(np.count_nonzero(enough)), real, synthetic, accuracy, equal, area,
        None if area is None else equivalence(area, margin),
    )  # fmt: skip


def _figures(answers: Answers, task: Task) -> Jackknifed:
    if task == "2afc":
        return shares(answers.correct())
    return balanced_shares(answers.correct(), answers.is_synthetic)


def _of_one(answers: Answers, number: int, task: Task, margin: float) -> tuple[Estimate, float]:
    """Return the accuracy of one reader, for whom exact methods do."""
    sides = np.zeros(len(answers.cases), bool)  # say nothing of accuracy
    one = result_of(answers, number, task, margin, sides)
    assert one is not None
    value, low, high = one.balanced
    return Estimate(
        value, math.nan, math.inf, low, high, one.p_value, 0.5, random_readers=False
    ), one.equivalence


def _of(figures: Jackknifed, readers: np.ndarray) -> Jackknifed:
    return Jackknifed(figures.values[:, readers], figures.left_out[:, readers])
