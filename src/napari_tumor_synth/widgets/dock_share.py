"""A dock that keeps its share of the window's width: Qt lets the middle alone shrink and grow."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

_NARROWEST = 200  # pixels of the middle


class DockShare(QObject):
    """Lives as long as the dock.

    Parameters
    ----------
    dock : QDockWidget
        On one side of the window; it gets half of the width at first, and then what the user gives.
    window : QMainWindow
        Its middle stays wide enough to see something.
    """

    def __init__(self, dock: QDockWidget, window: QMainWindow) -> None:
        super().__init__(dock)
        self._dock, self._window, self._share = dock, window, 0.5
        self._pressed_at = 0  # width of the dock when the mouse was pressed
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.take)
        if (middle := window.centralWidget()) is not None:
            middle.setMinimumWidth(_NARROWEST)
        window.installEventFilter(self)
        self.take()

    def take(self) -> None:
        """Give the dock its share."""
        width = round(self._share * self._window.width())
        self._window.resizeDocks([self._dock], [width], Qt.Orientation.Horizontal)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Learn the share from a user who drags the border, and keep it with the window."""
        if event.type() == QEvent.Type.Resize:
            self._soon.start(0)
        elif event.type() == QEvent.Type.MouseButtonPress:
            self._pressed_at = self._dock.width()
        elif (
            event.type() == QEvent.Type.MouseButtonRelease
            and self._dock.width() != self._pressed_at
        ):
            self._share = self._dock.width() / self._window.width()
        return bool(super().eventFilter(watched, event))
