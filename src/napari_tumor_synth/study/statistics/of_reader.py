"""What one reader's answers say."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from napari_tumor_synth.study.scale import Task
from napari_tumor_synth.study.statistics.accuracy import Accuracy, accuracy
from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.balanced import BalancedAccuracy
from napari_tumor_synth.study.statistics.detection import (
    Detection,
    detection,
    detection_of_pairs,
)
from napari_tumor_synth.study.statistics.figures import delong_variance, placements

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Area:
    """Area under the ROC curve of one reader.

    Attributes
    ----------
    value : float
    low, high : float or None
        95 % interval of DeLong; None where it would have no width, because ratings separate the
        kinds completely or are all the same.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """What one reader's answers say.

    Attributes
    ----------
    reader : str
    accuracy : Accuracy
        Share of right answers as counted.
    balanced : (float, float, float)
        Accuracy with its 95 % interval, real and synthetic cases counting the same; of pairs, or
        where one kind alone was judged, that of `accuracy` with the exact interval.
    p_value : float
        That the reader does not guess: exact binomial test for pairs and for as many real as
        synthetic cases, else Fisher's exact test.
    equivalence : float
        p-value that accuracy is within the study's margin of 50 %, by two one-sided tests.
    detection : Detection or None
        None where only real or only synthetic cases were judged.
    area : Area or None
        None for pairs, or with fewer than two cases of a kind.
    """

    reader: str
    accuracy: Accuracy
    balanced: tuple[float, float, float]
    p_value: float
    equivalence: float
    detection: Detection | None
    area: Area | None


def result_of(
    answers: Answers,
    number: int,
    task: Task,
    margin: float,
    synthetic_left: NDArray[np.bool_] | None = None,
) -> ReaderResult | None:
    """Return what a reader's answers say; None without an answer.

    Parameters
    ----------
    answers : Answers
    number : int
        Of the reader.
    task : {"single", "2afc"}
    margin : float
    synthetic_left : (cases,) bool, optional
        Of pairs, for this reader.
    """
    correct = answers.correct()[number]
    judged = ~np.isnan(correct)
    if not judged.any():
        return None
    found = accuracy(int(correct[judged].sum()), int(np.count_nonzero(judged)))
    reader, counted = answers.readers[number], (found.share, *found.exact)
    equal = found.equivalence(margin)
    if task == "2afc":
        assert synthetic_left is not None
        seen = _of_pairs(correct, judged, synthetic_left)
        return ReaderResult(reader, found, counted, found.p_value, equal, seen, None)
    kinds = judged & answers.is_synthetic, judged & ~answers.is_synthetic
    counts = [int(np.count_nonzero(kind)) for kind in kinds]
    if min(counts) == 0:
        return ReaderResult(reader, found, counted, found.p_value, equal, None, None)
    hits, rejected = (int(correct[kind].sum()) for kind in kinds)
    seen = detection(hits, counts[0], counts[1] - rejected, counts[1])
    balanced = BalancedAccuracy(hits, counts[0], counts[1] - rejected, counts[1])
    area = _area(answers.ratings[number], *kinds) if min(counts) >= 2 else None
    with_interval = (balanced.value, *balanced.interval())
    if counts[0] == counts[1]:
        return ReaderResult(reader, found, with_interval, found.p_value, equal, seen, area)
    # who always says the same is right more often than not
    p_value, equal = balanced.p_value, balanced.equivalence(margin)
    return ReaderResult(reader, found, with_interval, p_value, equal, seen, area)


def _area(
    ratings: NDArray[np.float64], synthetic: NDArray[np.bool_], real: NDArray[np.bool_]
) -> Area:
    value = float(placements(ratings[synthetic], ratings[real])[0].mean())
    variance = delong_variance(ratings[synthetic], ratings[real])
    if variance == 0:
        return Area(value, None, None)
    half = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(variance)
    return Area(value, max(0.0, value - half), min(1.0, value + half))


def _of_pairs(
    correct: NDArray[np.float64], judged: NDArray[np.bool_], left: NDArray[np.bool_]
) -> Detection | None:
    sides = judged & left, judged & ~left
    counts = [int(np.count_nonzero(side)) for side in sides]
    if min(counts) == 0:
        return None
    right = [int(correct[side].sum()) for side in sides]
    return detection_of_pairs(right[0], counts[0], right[1], counts[1])
