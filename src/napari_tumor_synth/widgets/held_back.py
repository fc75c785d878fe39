"""Lets one part of a window be painted after the others."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget


class HeldBack(QObject):
    """A widget that takes long to paint, here the 3D view: on a processor a good part of a second.

    Parameters
    ----------
    widget : QWidget
        What waits; it owns this object.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.release)

    def hold(self) -> None:
        """Paint the widget only when `rest` has been called, and nothing has for a while."""
        self._timer.stop()
        self._widget.setUpdatesEnabled(False)

    def rest(self, milliseconds: int) -> None:
        """Paint the widget after this time, unless it is held again before."""
        self._timer.start(milliseconds)

    def release(self) -> None:
        """Paint the widget now."""
        self._timer.stop()
        self._widget.setUpdatesEnabled(True)
