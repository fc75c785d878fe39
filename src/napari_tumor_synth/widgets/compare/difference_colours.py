"""Colours of differences between two images, and the bar that says what they mean.

Signed: blue and orange, which colour-blind readers tell apart, equally light at equal distance from
black, which is no difference. Absolute: a perceptually uniform map from black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import Colormap, ensure_colormap
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

UNIT = "intensity of ROIs, whose range is -1 to 1"
_BLUE, _ORANGE = (0.26, 0.711, 1.0), (0.98, 0.58, 0.13)
_STOPS = 33
_MARGIN = 6


def signed_colours() -> Colormap:
    """Return blue where the real one is brighter, black for no difference, and orange."""
    colours = np.array([(*_BLUE, 1), (0, 0, 0, 1), (*_ORANGE, 1)])
    return Colormap(colours, name="blue, black, orange")


def grey_colours() -> Colormap:
    """Return grey for the images themselves."""
    return ensure_colormap("gray")


def absolute_colours() -> Colormap:
    """Return black for no difference, and brighter colours for larger ones."""
    return ensure_colormap("inferno")


class DifferenceBar(QWidget):
    """A bar of the colours, with differences at its ends and in its middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limit, self._absolute = 1.0, False
        self._kinds = ("SYNTHETIC", "REAL")
        self.setFixedHeight(3 * self.fontMetrics().height() + 6)
        self.setAccessibleName("Colours of the difference")

    def tell(self, limit: float, kinds: tuple[str, str], *, absolute: bool) -> None:
        """Say what the colours stand for.

        Parameters
        ----------
        limit : float
            Difference at the end; larger ones have its colour.
        kinds : tuple of str
            What is compared, with what.
        absolute : bool
        """
        self._limit, self._kinds, self._absolute = limit, kinds, absolute
        one, other = kinds
        what = f"|{one} − {other}|" if absolute else f"{one} − {other}"
        self.setToolTip(
            f"{what} in {UNIT}; beyond the ends, the colour stays. Drag sideways with the right "
            "button in a pane to change the ends; r brings them back."
        )
        self.update()

    @property
    def labels(self) -> tuple[str, str, str]:
        """What stands below the left end, the middle and the right end."""
        one, other = self._kinds
        if self._absolute:
            return "0", f"|{one} − {other}|", f"{self._limit:.2f}"
        return (
            f"−{self._limit:.2f}\n{other} brighter",
            "0",
            f"+{self._limit:.2f}\n{one} brighter",
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar and its labels."""
        painter = QPainter(self)
        try:
            line = painter.fontMetrics().height()
            bar = QRectF(_MARGIN, 0, self.width() - 2 * _MARGIN, line)
            colours = absolute_colours() if self._absolute else signed_colours()
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            for place in np.linspace(0, 1, _STOPS):
                red, green, blue, _ = colours.map(place)[0]
                gradient.setColorAt(place, QColor.fromRgbF(red, green, blue))
            painter.fillRect(bar, gradient)
            words = QRectF(_MARGIN, line + 2, bar.width(), 2 * line)
            painter.setPen(self.palette().text().color())
            low, middle, high = self.labels
            for text, where in (
                (low, Qt.AlignmentFlag.AlignLeft),
                (middle, Qt.AlignmentFlag.AlignHCenter),
                (high, Qt.AlignmentFlag.AlignRight),
            ):
                painter.drawText(words, where, text)
        finally:
            painter.end()
