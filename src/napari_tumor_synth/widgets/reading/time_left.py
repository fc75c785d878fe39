"""The time that is left for a case, if the study limits it."""

from __future__ import annotations

import math
import time

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel

_TICK_MS = 100


class TimeLeft(QLabel):
    """Counts down in whole seconds; empty while nothing is counted."""

    is_up = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._end = 0.0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)

    def start(self, seconds: float) -> None:
        """Count down from here."""
        self._end = time.monotonic() + seconds
        self._timer.start(_TICK_MS)
        self._tick()

    def stop(self) -> None:
        """Count no more."""
        self._timer.stop()
        self.clear()

    def _tick(self) -> None:
        left = self._end - time.monotonic()
        self.setText(f"{math.ceil(max(left, 0))} s")
        if left <= 0:
            self._timer.stop()
            self.is_up.emit()
