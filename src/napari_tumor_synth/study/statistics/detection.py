"""Signal detection: how far apart a reader sees real and synthetic, and which one is preferred.

.. [1] Macmillan and Creelman, Detection Theory, 2nd edition, 2005, chapters 1, 2 and 7.
.. [2] Hautus, Corrections for extreme proportions and their biasing effects on estimated values of
   d', 1995: the log-linear correction.
.. [3] Gourevitch and Galanter, A significance test for one parameter isosensitivity functions,
   1967: the variance of d'.
"""

import math
from dataclasses import dataclass

from scipy.stats import norm

_TWO_SIDED = 1.959963984540054  # standard deviations of a 95 % interval


@dataclass(frozen=True, slots=True)
class Detection:
    """What hits and false alarms say of one reader.

    Attributes
    ----------
    hit_rate, false_alarm_rate : float
        Of synthetic ROIs called synthetic, and of real ones. As counted, without correction.
    sensitivity : float
        d': distance of the two in standard deviations, log-linear correction [2]_. 0 is guessing.
    low, high : float
        95 % interval of d'.
    criterion : float
        c: above 0 the reader leans to "real", below 0 to "synthetic".
    """

    hit_rate: float
    false_alarm_rate: float
    sensitivity: float
    low: float
    high: float
    criterion: float


def detection(hits: int, synthetic: int, false_alarms: int, real: int) -> Detection:
    """Return d' and the criterion of a reader who rated single ROIs [1]_.

    Parameters
    ----------
    hits, synthetic : int
        Synthetic ROIs called synthetic, of how many; at least one.
    false_alarms, real : int
        Real ROIs called synthetic, of how many; at least one.
    """
    rates = ((hits + 0.5) / (synthetic + 1), (false_alarms + 0.5) / (real + 1))
    at_hits, at_false_alarms = (float(norm.ppf(rate)) for rate in rates)
    variance = sum(
        rate * (1 - rate) / count / float(norm.pdf(at)) ** 2
        for rate, count, at in zip(
            rates, (synthetic, real), (at_hits, at_false_alarms), strict=True
        )
    )
    sensitivity = at_hits - at_false_alarms
    half = _TWO_SIDED * math.sqrt(variance)
    return Detection(
        hits / synthetic,
        false_alarms / real,
        sensitivity,
        sensitivity - half,
        sensitivity + half,
        -(at_hits + at_false_alarms) / 2,
    )


def detection_of_pairs(
    right_when_first: int, first: int, right_when_second: int, second: int
) -> Detection:
    """Return d' and the criterion of a reader who chose between two ROIs.

    Two ROIs say more than one: d' is that of a single ROI, the square root of two smaller than the
    distance in pairs ([1]_, chapter 7). The criterion is the preference of a side: above 0 the
    reader leans to calling the second one synthetic.

    Parameters
    ----------
    right_when_first, first : int
        Right answers where the synthetic one was the first, of how many; at least one.
    right_when_second, second : int
    """
    found = detection(right_when_first, first, second - right_when_second, second)
    scale = 1 / math.sqrt(2)
    return Detection(
        found.hit_rate,
        found.false_alarm_rate,
        found.sensitivity * scale,
        found.low * scale,
        found.high * scale,
        found.criterion,
    )
