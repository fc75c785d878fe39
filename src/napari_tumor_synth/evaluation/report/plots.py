"""Pictures of a report. Colours are Okabe and Ito's, which colour-blind readers tell apart."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.mask_rule import foreground_of

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES = ("-", "--", "-.", ":")
_DPI = 120


def cumulative_plot(distributions: Mapping[str, NDArray[np.float64]], label: str) -> bytes:
    """Draw cumulative distributions over one axis, as PNG; empty ones are left out.

    Parameters
    ----------
    distributions : mapping of str to (n,) float64
    label : str
        Of the axis.
    """
    figure = Figure(figsize=(7.5, 4.2), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    shown = {name: values for name, values in distributions.items() if len(values)}
    for number, (name, values) in enumerate(shown.items()):
        axes.ecdf(
            values,
            color=COLOURS[number % len(COLOURS)],
            linestyle=_STYLES[number % len(_STYLES)],
            linewidth=2,
            label=f"{name} (n = {len(values)})",
        )
    axes.set_xlabel(label)
    axes.set_ylabel("share of ROIs at or below")
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    return png_of(figure)


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def pairs_sheet(
    pairs: Sequence[tuple[str, NDArray[np.float32], str, NDArray[np.float32]]],
    spacing_mm: float,
    title: str,
    other: str = "nearest real",
) -> bytes:
    """Draw synthetic ROIs above the real ones that they are most like, the same planes of both.

    Parameters
    ----------
    pairs : sequence of (str, array, str, array)
        Label and ROI (C, S, A, R) of the synthetic and of the real one; first channels are shown.
    spacing_mm : float
    title : str
    other : str
        What the real ones are called beside their rows.
    """
    spacing = (spacing_mm,) * 3
    rows = []
    for first in range(0, len(pairs), 6):
        some = pairs[first : first + 6]
        rows.append(
            (
                "SYNTHETIC",
                [
                    SheetItem(ours[0], label, spacing, foreground_of(ours))
                    for label, ours, _, _ in some
                ],
            )
        )
        rows.append(
            (
                other,
                [
                    SheetItem(real[0], label, spacing, foreground_of(ours))
                    for _, ours, label, real in some
                ],
            )
        )
    with TemporaryDirectory() as folder:
        path = Path(folder, "pairs.png")
        contact_sheet(rows, path, title)
        return path.read_bytes()
