"""Tells when all of several canvases have been drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtOpenGLWidgets import QOpenGLWidget

_LATEST_MS = 2000  # after which a canvas that is covered or not on screen is not waited for


class Drawn(QObject):
    """Waits for canvases.

    Parameters
    ----------
    canvases : sequence of QOpenGLWidget
        All that may be waited for.
    owner : QObject
    """

    all_drawn = Signal()

    def __init__(self, canvases: Sequence[QOpenGLWidget], owner: QObject) -> None:
        super().__init__(owner)
        self._waiting: set[int] = set()
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.timeout.connect(self._give_up)
        self._connected = [(canvas, partial(self._on_drawn, id(canvas))) for canvas in canvases]
        for canvas, called in self._connected:
            canvas.frameSwapped.connect(called)

    def wait(self, canvases: Sequence[QOpenGLWidget]) -> None:
        """Wait until each of these is drawn once more, and tell."""
        self._waiting = {id(canvas) for canvas in canvases}
        self._late.start(_LATEST_MS if canvases else 0)
        for canvas in canvases:
            canvas.update()

    def close(self) -> None:
        """Let go of the canvases."""
        self._late.stop()
        for canvas, called in self._connected:
            canvas.frameSwapped.disconnect(called)
        self._connected = []

    def _on_drawn(self, canvas: int) -> None:
        if canvas in self._waiting:
            self._waiting.discard(canvas)
            if not self._waiting:
                self._late.stop()
                self.all_drawn.emit()

    def _give_up(self) -> None:
        self._waiting = set()
        self.all_drawn.emit()
