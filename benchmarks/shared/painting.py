"""When the canvases of a window are painted, as the screen shows it."""

import time
from collections.abc import Callable, Mapping

from qtpy.QtCore import QEvent, QEventLoop, QObject, QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget


class Painting(QObject):
    """Follows canvases: each is painted when its window has been composed after it drew."""

    def __init__(self, canvases: Mapping[str, QOpenGLWidget]) -> None:
        super().__init__()
        self._names = {canvas: name for name, canvas in canvases.items()}
        self._drawn: set[str] = set()
        self.times: dict[str, float] = {}
        for canvas, name in self._names.items():
            canvas.installEventFilter(self)
            canvas.frameSwapped.connect(lambda name=name: self._on_swapped(name))

    def begin(self) -> None:
        """Forget what was painted before."""
        self._drawn.clear()
        self.times.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See when a canvas draws."""
        if event.type() == QEvent.Type.Paint:
            self._drawn.add(self._names[watched])
        return False

    def _on_swapped(self, name: str) -> None:
        if name in self._drawn:
            self.times.setdefault(name, time.perf_counter())


def wait(done: Callable[[], bool], seconds: float = 120, *, strict: bool = True) -> None:
    """Wait as the program does: in Qt's own loop, which leaves the interpreter to the worker."""
    end = time.perf_counter() + seconds
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() or time.perf_counter() > end else None)
    timer.start(5)
    if not done():
        loop.exec()
    timer.stop()
    if strict and not done():
        raise TimeoutError("the workbench does not get on")
