"""A dock that keeps its share of the window's width: Qt lets the middle alone shrink and grow."""

from __future__ import annotations

import weakref

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
        self._dock = weakref.ref(dock)  # nothing here may keep a closed window
        self._window = weakref.ref(window)
        self._share = 0.5
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
        dock, window = self._dock(), self._window()
        if dock is not None and window is not None:
            width = round(self._share * window.width())
            window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Learn the share from a user who drags the border, and keep it with the window."""
        dock, window, kind = self._dock(), self._window(), event.type()
        if dock is not None and window is not None:
            if kind == QEvent.Type.Resize:
                self._soon.start(0)
            elif kind == QEvent.Type.MouseButtonPress:
                self._pressed_at = dock.width()
            elif kind == QEvent.Type.MouseButtonRelease and dock.width() != self._pressed_at:
                self._share = dock.width() / window.width()
        return bool(super().eventFilter(watched, event))
