"""How readers went along: time an answer took, and whether they learned."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import linregress, norm, t

from napari_tumor_synth.study.statistics.obuchowski_rockette import FEWEST_RANDOM_READERS

LEVEL = 0.95
FEWEST_ANSWERS = 20
"""Of a reader, to say anything of how they changed."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that answers took.

    Attributes
    ----------
    count : int
    median, low, high : float
        Seconds; low and high are the quartiles.
    """

    count: int
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Change of the share of right answers from the first to the last case, as a line has it.

    Attributes
    ----------
    change, low, high : float
        With its 95 % interval, within -1 and 1; above 0 readers got better.
    readers : int
        With enough answers.
    random_readers : bool
        Whether the interval is for new readers, or for these ones.
    """

    change: float
    low: float
    high: float
    readers: int
    random_readers: bool


def times(seconds: NDArray[np.float64]) -> Times | None:
    """Return median and quartiles; None without an answer."""
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return None
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    return Times(len(known), float(median), float(low), float(high))


def trend(places: NDArray[np.float64], correct: NDArray[np.float64]) -> Trend | None:
    """Return how right answers changed in the course of the reading.

    Each reader with `FEWEST_ANSWERS`, and half as many as the one who gave most, has a line by
    least squares; its mean is judged by how readers
    differ or, with fewer than five of them, by the spread of answers around the lines.

    Parameters
    ----------
    places : (readers, cases) float64
        Which answer of the reader each was, from 0.
    correct : (readers, cases) float64
        1, 0, or NaN where there is no answer.

    Returns
    -------
    Trend or None
        None where no reader has enough answers, or nothing varies.
    """
    last = max(float(np.nanmax(places, initial=0)), 1.0)
    judged = ~np.isnan(correct)
    counts = judged.sum(axis=1)
    least = max(FEWEST_ANSWERS, counts.max(initial=0) / 2)  # half a reading is no whole course
    enough = np.flatnonzero(counts >= least).tolist()
    if not enough:
        return None
    lines = [
        _Line.of(places[number, judged[number]] / last, correct[number, judged[number]])
        for number in enough
    ]
    slopes = np.array([line.slope for line in lines])
    count = len(slopes)
    random_readers = count >= FEWEST_RANDOM_READERS
    if random_readers:
        half = t.ppf((1 + LEVEL) / 2, count - 1) * slopes.std(ddof=1) / math.sqrt(count)
    else:
        around = sum(line.squares for line in lines) / sum(line.degrees for line in lines)
        errors = sum(around / line.spread for line in lines)
        half = norm.ppf((1 + LEVEL) / 2) * math.sqrt(errors) / count
    if half == 0:
        return None
    change = float(slopes.mean())
    ends = (max(-1.0, change - float(half)), min(1.0, change + float(half)))
    return Trend(float(np.clip(change, -1, 1)), *ends, count, random_readers)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of least squares.

    Attributes
    ----------
    slope : float
    squares, degrees : float, int
        Around the line, with their degrees of freedom.
    spread : float
        Squares of the abscissa around its mean.
    """

    slope: float
    squares: float
    degrees: int
    spread: float

    @classmethod
    def of(cls, x: NDArray[np.float64], y: NDArray[np.float64]) -> "_Line":
        found = linregress(x, y)
        around = y - (found.intercept + found.slope * x)
        spread = float(((x - x.mean()) ** 2).sum())
        return cls(float(found.slope), float((around**2).sum()), len(x) - 2, spread)
