"""How long the event loop of a window is kept from turning."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

from qtpy.QtCore import QTimer

from shared.painting import wait

_TICK_MS = 5


def gaps(done: Callable[[], bool], seconds: float, *, strict: bool = False) -> list[float]:
    """Return the milliseconds between turns until something is done, or the time is up."""
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(_TICK_MS)
    wait(done, seconds, strict=strict)
    timer.stop()
    return [1000 * (later - earlier) for earlier, later in pairwise(ticks)]


def describe(found: list[float]) -> dict[str, float]:
    """Return their median, 95th percentile and the longest."""
    p95 = statistics.quantiles(found, n=20)[-1]
    return {
        "median": round(statistics.median(found), 1),
        "p95": round(p95, 1),
        "max": round(max(found), 1),
    }
