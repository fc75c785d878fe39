"""What the colours of an overlay mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

IMPORTANCE_COLOURS = "viridis"
"""Perceptually uniform, and told apart by colour-blind readers."""
_STOPS = 32


class ColourBar(QWidget):
    """A bar of the colours with the score at each end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 0.0, 1.0
        self.setMinimumHeight(30)
        self.setToolTip("Colours of the scores; what is below the threshold is left out.")

    @property
    def ends(self) -> tuple[str, str]:
        """The scores at the ends, as they are written."""
        return f"{self._low:.2f}", f"{self._high:.2f}"

    def set_range(self, low: float, high: float) -> None:
        """Say which scores the ends stand for."""
        self._low, self._high = low, high
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar and its ends."""
        painter = QPainter(self)
        try:
            bar = QRectF(0, 0, self.width(), self.height() / 2)
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            for place in np.linspace(0, 1, _STOPS):
                red, green, blue, _ = ensure_colormap(IMPORTANCE_COLOURS).map(place)[0]
                gradient.setColorAt(place, QColor.fromRgbF(red, green, blue))
            painter.fillRect(bar, gradient)
            words = QRectF(0, bar.height(), self.width(), self.height() / 2)
            painter.setPen(self.palette().text().color())
            low, high = self.ends
            painter.drawText(words, Qt.AlignmentFlag.AlignLeft, low)
            painter.drawText(words, Qt.AlignmentFlag.AlignRight, high)
        finally:
            painter.end()
