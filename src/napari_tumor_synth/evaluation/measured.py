"""A figure with what it takes to believe it: how many, how sure, and what exactly it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from napari_tumor_synth.evaluation.intervals import (
    FEWEST_DRAWN,
    LEVEL,
    numbered,
    percentile_interval,
    resampled_counts,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of a report.

    Attributes
    ----------
    name : str
        Short, for a table.
    value : float or None
        None where it cannot be said.
    low, high : float or None
        95 % interval; None where there is none. With `low` alone, the value is a lower bound.
    n : str
        Of what and how many, e.g. ``"200 samples, 130 held-out ROIs"``.
    definition : str
        What was computed, in a sentence.
    note : str
        Why there is no value, or how to read it.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: str
    definition: str
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return all fields; what is not finite becomes None."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in fields.items()
        }


def in_words(figure: Measured) -> str:
    """Return value, interval and number of a figure in a line."""
    if figure.value is None:
        return f"not measured: {figure.note}"
    if figure.low is None:
        return f"{figure.value:.4g}, {figure.n}"
    if figure.high is None:
        return f"at least {figure.low:.4g}, {figure.n}"
    return f"{figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g}), {figure.n}"


def share(name: str, count: int, of: int, n: str, definition: str, note: str = "") -> Measured:
    """Return ``count / of`` with the exact interval of Clopper and Pearson."""
    if of == 0:
        return Measured(name, None, None, None, n, definition, note or "There are none.")
    interval = binomtest(count, of).proportion_ci(LEVEL, method="exact")
    return Measured(
        name, count / of, float(interval.low), float(interval.high), n, definition, note
    )


def bootstrap_interval(
    statistic: Callable[..., float],
    samples: Sequence[NDArray[np.float64]],
    groups: Sequence[Sequence[str] | None],
    seed: int = 0,
) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % percentile interval of a statistic of one or more independent samples.

    None where a sample has fewer than `FEWEST_DRAWN` values, or patients.

    Parameters
    ----------
    statistic : callable
        Takes the samples.
    samples : sequence of (n,) float64
        None of them empty.
    groups : sequence
        For each sample whose each value is: patients are drawn, with all their values. None draws
        single values.
    seed : int
    """
    rng = np.random.default_rng(seed)
    numbers = [numbered(names, len(one)) for one, names in zip(samples, groups, strict=True)]
    if min(int(one.max()) + 1 for one in numbers) < FEWEST_DRAWN:
        return None, None
    draws = [resampled_counts(one, rng) for one in numbers]
    found = [
        statistic(*(sample.repeat(times) for sample, times in zip(samples, counts, strict=True)))
        for counts in zip(*draws, strict=True)
    ]
    return percentile_interval(found)
