"""What a number of readers and cases can show, and what it cannot.

For one reader, answers are independent and what is said of accuracy is exact. For several readers
the interval of their mean also depends on how different they are and on how much they agree about
cases, which is known only afterwards: it is assumed, and said.

That readers of single cases guess takes accuracy and the area under the ROC curve within the margin
(`report.sentences`). For its probability, both are taken as normal, with degrees that are given
equally often: the area then varies 1.14 times as much as accuracy, and they correlate by 0.88.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import simpson
from scipy.stats import binom, binomtest, norm, t
from statsmodels.stats.proportion import power_binom_tost

from napari_tumor_synth.study.scale import Task
from napari_tumor_synth.study.statistics.obuchowski_rockette import FEWEST_RANDOM_READERS

GUESSING = 0.5
LEVEL = 0.95
POWER = 0.8
READER_SD = 0.05
"""Assumed standard deviation of readers' true accuracies."""
CASE_CORRELATION = 0.1
"""Assumed correlation of two readers' answers to one case."""
MOST_ANSWERS = 3000
_MARGINS = (0.05, 0.1, 0.15)
_DEGREES = np.arange(6) - 2.5
_AREA_SD = math.sqrt(float((_DEGREES**2).mean()) / 36 / 0.0625)
"""Standard error of the area by that of accuracy, of guessing readers."""
_CORRELATION = float(np.abs(_DEGREES).mean() / np.sqrt((_DEGREES**2).mean()))
"""Of accuracy and area."""
_AREA_READER_SD = math.sqrt(2)
"""True areas of readers spread so much more than accuracies: d' / sqrt(2) against d' / 2."""


@dataclass(frozen=True, slots=True)
class OneReader:
    """What one reader's answers can show.

    Attributes
    ----------
    answers : int
    interval : (float, float)
        Exact 95 % interval if half of the answers are right.
    detectable : float or None
        Least true accuracy that is told from guessing in four of five studies; None if none is.
    equivalence : dict of float to float
        Probability to show that a guessing reader is within each margin of 50 %.
    """

    answers: int
    interval: tuple[float, float]
    detectable: float | None
    equivalence: dict[float, float]


@dataclass(frozen=True, slots=True)
class ManyReaders:
    """What the mean of several readers can show, with what was assumed of them.

    With fewer than five, the readers are those they are, as in the analysis.

    Attributes
    ----------
    readers, answers : int
        Answers are those of each reader.
    random_readers : bool
        Whether other readers are meant, or these ones.
    half_width : float
        Of the 95 % interval of mean accuracy, 0.5 at most.
    equivalence : dict of float to float
        Probability to show that guessing readers are within each margin of 50 %.
    """

    readers: int
    answers: int
    random_readers: bool
    half_width: float
    equivalence: dict[float, float]


def one_reader(
    answers: int, margins: tuple[float, ...] = _MARGINS, task: Task = "2afc"
) -> OneReader:
    """Return what a number of answers of one reader can show.

    Parameters
    ----------
    answers : int
        At least 1.
    margins : tuple of float
        More than 0, less than 0.5.
    task : {"single", "2afc"}
        Of pairs, accuracy alone shows that a reader guesses.
    """
    interval = binomtest(answers // 2, answers).proportion_ci(LEVEL, method="exact")
    return OneReader(
        answers,
        (float(interval.low), float(interval.high)),
        _detectable(answers),
        {margin: _equivalence_power(answers, margin, task) for margin in margins},
    )


def many_readers(
    readers: int,
    answers: int,
    margins: tuple[float, ...] = _MARGINS,
    task: Task = "2afc",
    *,
    reader_sd: float = READER_SD,
    case_correlation: float = CASE_CORRELATION,
) -> ManyReaders:
    """Return what the mean of readers who judge the same cases can show.

    The variance of the mean of J readers of K cases is ``s_R^2 / J + 0.25 / K (1 + (J - 1) r) / J``
    where accuracy is near one half; without the first part, and with the normal distribution, for
    fewer than five readers.

    Parameters
    ----------
    readers, answers : int
        At least 2 and 1.
    margins : tuple of float
    task : {"single", "2afc"}
    reader_sd : float
        Standard deviation of readers' true accuracies.
    case_correlation : float
        Of two readers' answers to one case, 0 to 1.
    """
    of_cases = 0.25 / answers * (1 + (readers - 1) * case_correlation) / readers
    random_readers = readers >= FEWEST_RANDOM_READERS
    of_readers = random_readers * reader_sd**2 / readers
    error = math.sqrt(of_readers + of_cases)
    area_error = math.sqrt(_AREA_READER_SD**2 * of_readers + _AREA_SD**2 * of_cases)
    together = _AREA_READER_SD * of_readers + _CORRELATION * _AREA_SD * of_cases
    spread = t(readers - 1) if random_readers else norm
    half = float(spread.ppf((1 + LEVEL) / 2)) * error
    one_sided = float(spread.ppf(LEVEL))

    def shown(margin: float) -> float:
        within = margin / error - one_sided
        if task == "2afc":
            return max(0.0, 2 * float(spread.cdf(within)) - 1)
        both = (within, margin / area_error - one_sided)
        return _both_within(both, together / error / area_error)

    return ManyReaders(
        readers,
        answers,
        random_readers,
        min(half, 0.5),
        {margin: shown(margin) for margin in margins},
    )


def answers_as_balanced(real: int, synthetic: int) -> int:
    """Return how many answers, half of them to real cases, say as much as those of a mixture.

    Accuracy counts both kinds the same, so that what the rarer kind lacks is not made up for by
    the other.

    Parameters
    ----------
    real, synthetic : int
        At least 1.
    """
    return int(4 / (1 / real + 1 / synthetic))


def answers_for_equivalence(margin: float, task: Task = "2afc", power: float = POWER) -> int | None:
    """Return the answers that one guessing reader needs to be shown within a margin of 50 %.

    That many, or any greater number: the power of exact tests goes up and down with the number.
    None if `MOST_ANSWERS` are too few.
    """
    too_few = [
        count
        for count in range(2, MOST_ANSWERS + 1)
        if _equivalence_power(count, margin, task) < power
    ]
    return too_few[-1] + 1 if too_few[-1] < MOST_ANSWERS else None


def _equivalence_power(answers: int, margin: float, task: Task) -> float:
    low, high = GUESSING - margin, GUESSING + margin
    power = power_binom_tost(low, high, answers, GUESSING, alpha=1 - LEVEL)
    exact = max(0.0, float(power))  # below 0 where no result would show it
    if task == "2afc":
        return exact
    error, one_sided = math.sqrt(0.25 / answers), float(norm.ppf(LEVEL))
    both = (margin / error - one_sided, margin / error / _AREA_SD - one_sided)
    return min(exact, _both_within(both, _CORRELATION))


def _both_within(limits: tuple[float, float], correlation: float) -> float:
    """Return how likely two standard normal numbers are both within their limits."""
    if min(limits) <= 0:
        return 0.0
    x = np.linspace(-limits[0], limits[0], 401)
    rest = math.sqrt(1 - correlation**2)
    ends = [(sign * limits[1] - correlation * x) / rest for sign in (1, -1)]
    inside = norm.pdf(x) * (norm.cdf(ends[0]) - norm.cdf(ends[1]))
    return float(simpson(inside, x=x))


def _detectable(answers: int) -> float | None:
    """Return the least accuracy that an exact two-sided test tells from guessing with `POWER`."""
    rejected = int(binom.isf((1 - LEVEL) / 2, answers, GUESSING)) + 1
    for accuracy in np.arange(0.5, 1.0001, 0.005):
        if binom.sf(rejected - 1, answers, accuracy) >= POWER:
            return float(round(accuracy, 3))
    return None
