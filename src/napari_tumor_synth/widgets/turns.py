"""Spreads work that must happen in the thread of the window, so that it goes on answering."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

_PAINTED_MS = 5  # for the window to be painted between two of them


class Turns(QObject):
    """Does one thing a turn of the event loop, in the order given."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[Callable[[], object]] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take_one)

    def add(self, *things: Callable[[], object]) -> None:
        """Do these after what is waiting already; the first at once if nothing is."""
        idle = not self._waiting and not self._timer.isActive()
        self._waiting += things
        if idle:
            self._take_one()

    def _take_one(self) -> None:
        if self._waiting:
            self._timer.start(_PAINTED_MS)  # first: what is done may fail, and the rest must come
            self._waiting.popleft()()
