"""Threads that do steps together, and stay at hand between them.

Waking a thread takes tens of microseconds, and on a busy machine a time slice; a step of a small
model takes 500. So the helpers spin for some milliseconds after a step, outside the interpreter's
lock, and go to sleep when no further step comes.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit

from napari_tumor_synth.networks.packed.atomics import add_one, give_way, read, replace
from napari_tumor_synth.networks.packed.step import StepData, do_step

_ARRIVALS, _STEPS, _ROWS = 0, 1, 2  # of `control`
_AWAY, _WAITING, _AT_WORK = 0, 1, 2  # of a helper
_PATIENCE = 5_000  # times that a helper gives way before it goes


class Team:
    """A few threads, the caller's among them, that do steps on the same data.

    Parameters
    ----------
    size : int
        Threads in all.
    data : StepData
        With scratch for so many threads.
    """

    def __init__(self, size: int, data: StepData) -> None:
        self.size, self.data = size, data
        self._control, self._helpers = np.zeros(3, np.int64), np.zeros(size, np.int64)
        self._pool = ThreadPoolExecutor(max(1, size - 1), "packed-step")
        self._serve(0, 0, 0)  # compiled before anybody waits for it

    def step(self, rows: int) -> None:
        """Do a step with the first rows of the data."""
        steps = int(self._control[_STEPS])
        for helper in range(1, self.size):
            if not _claim(self._helpers, helper):
                self._helpers[helper] = _AT_WORK
                self._pool.submit(self._serve, helper, steps, _PATIENCE)
        _begin(rows, self._control, self.data.turns)
        self._serve(0, steps, 0)

    def _serve(self, thread: int, steps: int, patience: int) -> None:
        _serve(thread, self.size, steps, patience, self._control, self._helpers, self.data)


@njit(nogil=True, cache=True)
def _claim(helpers: Any, helper: int) -> bool:
    """Keep a helper that waits from going; return False if it has gone."""
    while read(helpers, helper) == _AT_WORK:  # not yet back from the last step
        give_way()
    return replace(helpers, helper, _WAITING, _AT_WORK)  # type: ignore[no-any-return]


@njit(nogil=True, cache=True)
def _begin(rows: int, control: Any, turns: Any) -> None:
    turns[:] = 0
    control[_ROWS] = rows
    add_one(control, _STEPS)


@njit(nogil=True, cache=True)
def _serve(
    thread: int, threads: int, steps: int, patience: int, control: Any, helpers: Any, data: Any
) -> None:
    """Do one thread's share of every step after the first `steps`, until none comes for a while.

    A helper that somebody has claimed stays: its step is about to begin.
    """
    waited = 0
    while True:
        if read(control, _STEPS) > steps:
            steps += 1
            do_step(thread, threads, control, control[_ROWS], data)
            replace(helpers, thread, _AT_WORK, _WAITING)
            waited = 0
        elif patience == 0 or (waited > patience and replace(helpers, thread, _WAITING, _AWAY)):
            return
        else:
            waited += 1
            give_way()
