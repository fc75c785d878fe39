"""Pictures of a study's report. Colours are Okabe and Ito's."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from napari_tumor_synth.evaluation.report.plots import COLOURS, png_of
from napari_tumor_synth.study.statistics.answers import Answers

_DPI = 120
_WIDE = 14  # characters of a label
_SYNTHETIC, _REAL = COLOURS[0], COLOURS[1]


def roc_plot(answers: Answers) -> bytes:
    """Draw the ROC curve of each reader, and the diagonal of guessing."""
    figure, axes = _axes(5.2, 5)
    for number, (reader, ratings) in enumerate(zip(answers.readers, answers.ratings, strict=True)):
        judged = ~np.isnan(ratings)
        if len(np.unique(answers.is_synthetic[judged])) < 2:
            continue
        false, hits, _ = roc_curve(answers.is_synthetic[judged], ratings[judged])
        axes.plot(
            false, hits, marker="o", markersize=3, linewidth=1.5,
            color=COLOURS[number % len(COLOURS)], label=reader if number < 12 else None,
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="guessing")
    axes.set_xlabel("real ROIs called synthetic (false alarms)")
    axes.set_ylabel("synthetic ROIs called synthetic (hits)")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize="small")
    return png_of(figure)


def forest_plot(
    rows: Sequence[tuple[str, float, float, float]], margin: float, label: str
) -> bytes:
    """Draw shares with their intervals, a line each, around one half and its margin.

    Parameters
    ----------
    rows : sequence of (name, value, low, high)
    margin : float
    label : str
        Of the axis.
    """
    figure, axes = _axes(7.2, 1.2 + 0.32 * len(rows))
    places = np.arange(len(rows))[::-1]
    axes.axvspan(0.5 - margin, 0.5 + margin, color="grey", alpha=0.15, label="margin of guessing")
    axes.axvline(0.5, color="grey", linestyle=":")
    for place, (_, value, low, high) in zip(places, rows, strict=True):
        axes.plot([low, high], [place, place], color=_REAL, linewidth=2)
        axes.plot([value], [place], marker="D", color=_SYNTHETIC)
    axes.set_yticks(places, [row[0] for row in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(label)
    figure.legend(loc="outside upper right", fontsize="small")
    return png_of(figure)


def ratings_plot(answers: Answers, labels: Mapping[int, str]) -> bytes:
    """Draw how often each degree was given to real and to synthetic ROIs, over all readers."""
    figure, axes = _axes(7.2, 3.8)
    degrees = np.array(list(labels))
    pairs = bool(answers.is_synthetic.all())
    kinds = ((False, "real", _REAL, -0.2), (True, "synthetic", _SYNTHETIC, 0.0 if pairs else 0.2))
    for kind, name, colour, shift in kinds:
        ratings = answers.ratings[:, answers.is_synthetic == kind]
        ratings = ratings[~np.isnan(ratings)]
        if not len(ratings):
            continue
        shares = [np.mean(ratings == degree) for degree in degrees]
        count = f"{'pairs' if pairs else name} ({len(ratings)} answers)"
        hatch = "//" if kind else ""
        axes.bar(degrees + shift, shares, width=0.38, color=colour, label=count, hatch=hatch)
    axes.set_xticks(degrees, [fill(text, _WIDE) for text in labels.values()])
    axes.set_ylabel("share of answers")
    axes.legend()
    return png_of(figure)


def course_plot(places: NDArray[np.float64], correct: NDArray[np.float64], parts: int) -> bytes:
    """Draw the share of right answers in the course of the reading, a line a reader and the mean.

    Parameters
    ----------
    places : (readers, cases) float64
        Which answer of the reader each was.
    correct : (readers, cases) float64
        1, 0, or NaN.
    parts : int
        That the reading is cut into.
    """
    figure, axes = _axes(7.2, 3.6)
    edges = np.linspace(0, np.nanmax(places) + 1, parts + 1)
    middles = (edges[1:] + edges[:-1]) / 2 + 0.5
    lines = []
    for place, right in zip(places, correct, strict=True):
        judged = ~np.isnan(right)
        part = np.digitize(place[judged], edges) - 1
        lines.append([_mean(right[judged][part == number]) for number in range(parts)])
        axes.plot(middles, lines[-1], color="grey", alpha=0.5, linewidth=1)
    mean = np.ma.masked_invalid(lines).mean(axis=0)
    axes.plot(middles, mean, color=_SYNTHETIC, linewidth=2.5, label="mean")
    axes.axhline(0.5, color="grey", linestyle=":", label="guessing")
    axes.set_ylim(0, 1)
    axes.set_xlabel("case of the reading")
    axes.set_ylabel("share of right answers")
    axes.legend(loc="lower right", fontsize="small")
    return png_of(figure)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes
