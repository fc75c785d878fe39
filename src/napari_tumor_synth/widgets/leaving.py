"""A widget that knows when it is not needed any more.

napari takes a widget out of a dock that the user closes without closing the widget, and deletes the
docks of a closed window without asking their widgets. Jobs would go on, and canvases would stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QCloseEvent


class LeavingWidget(QWidget):
    """Calls `leave` once: when it is closed, taken out of its dock, or its window closes.

    Attributes
    ----------
    window_goes : bool
        Whether the whole window is closed, so that no dock needs to be put in order.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._placed = self._left = self.window_goes = self._asked_to_close = False
        self._watched: QWidget | None = None

    def leave(self) -> None:
        """Stop jobs and let go of everything; the widget is of no use afterwards."""

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leave."""
        self._leave_once()
        super().closeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Leave when there is no dock around it any more."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._placed = True
            elif (
                self._placed and not self._left
            ):  # after this event, in whose midst no canvas can be closed
                QTimer.singleShot(0, lambda: self._leave_once())
        elif event.type() == QEvent.Type.Show and (window := self.window()) is not None:
            self._watch(window)
        return bool(super().event(event))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave when the window closes, which is when it hides after it was asked to close."""
        if event.type() == QEvent.Type.Close:
            self._asked_to_close = True
        elif event.type() == QEvent.Type.Hide and self._asked_to_close:
            self.window_goes = True
            self._leave_once()
        elif event.type() == QEvent.Type.Show:
            self._asked_to_close = False
        return bool(super().eventFilter(watched, event))

    def _watch(self, window: QWidget) -> None:
        if window is self or window is self._watched:
            return
        if self._watched is not None:
            self._watched.removeEventFilter(self)
        self._watched = window
        window.installEventFilter(self)

    def _leave_once(self) -> None:
        if self._left:
            return
        self._left = True
        if self._watched is not None:
            self._watched.removeEventFilter(self)
            self._watched = None
        self.leave()
