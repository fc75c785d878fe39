"""The end of a run's log, followed while it grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import QPlainTextEdit, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

_ROWS = 12


class LogView(QPlainTextEdit):
    """Stays where the user scrolled to; at the end, it follows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setToolTip("What happened, the newest last; times are UTC.")
        self.setAccessibleName("Log of the run")
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(max(font.pointSizeF() - 2, 7))
        self.setFont(font)
        self.setFixedHeight(_ROWS * self.fontMetrics().lineSpacing())
        self._lines: tuple[str, ...] = ()
        self._follows = True

    def show_lines(self, lines: Sequence[str]) -> None:
        """Show these lines, without the date and the parts of seconds."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        bar = self.verticalScrollBar()
        place, self._follows = bar.value(), self._is_at_the_end()
        self.setPlainText("\n".join(_short(line) for line in lines))
        bar.setValue(bar.maximum() if self._follows else place)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin at the end: there was no height to scroll by before."""
        super().showEvent(event)
        if self._follows:
            QTimer.singleShot(0, self._go_to_the_end)

    def _go_to_the_end(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _is_at_the_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() or not self.isVisible()


def _short(line: str) -> str:
    """Return "10:24:31 what happened" of "2026-01-02T10:24:31.123+00:00 what happened"."""
    stamp, space, rest = line.partition(" ")
    day, at, clock = stamp.partition("T")
    return f"{clock[:8]} {rest}" if space and at and len(day) == len("2026-01-02") else line
