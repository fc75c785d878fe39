"""Threads that do steps together, and stay at hand between them.

Waking a thread takes tens of microseconds, and on a busy machine a time slice; a step of a small
model takes 500. So the helpers spin for some milliseconds after a step, outside the interpreter's
lock, and go to sleep when no further step comes.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit

from napari_tumor_synth.networks.packed.atomics import add_one, give_way, read, replace
from napari_tumor_synth.networks.packed.step import StepData, do_step

_ARRIVALS, _STEPS = 0, 1  # of `control`
_AWAY, _WAITING, _STEPPING = 0, 1, 2  # of a helper
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
        self._control, self._helpers = np.zeros(2, np.int64), np.zeros(size, np.int64)
        self._pool = ThreadPoolExecutor(max(1, size - 1), "packed-step")
        self._calls: dict[int, Future[int]] = {}

    def step(self, rows: int) -> None:
        """Do a step with the first rows of the data.

        An interruption between its lines leaves nothing waiting: a step begins, in all threads or
        in none, inside one compiled call.
        """
        while missing := self._serve(0, rows):
            call = self._calls.get(missing)
            if call is None or call.done():
                self._calls[missing] = self._pool.submit(self._serve, missing, 0)

    def _serve(self, thread: int, rows: int) -> int:
        return _serve(thread, rows, self.size, self._control, self._helpers, self.data)


@njit(nogil=True, cache=True)
def _serve(thread: int, rows: int, threads: int, control: Any, helpers: Any, data: Any) -> int:
    """Lead one step as the first thread, or help with steps until none comes for a while.

    Returns
    -------
    int
        Of the first thread: 0, or which helper is missing, without whom nothing was begun.
    """
    if thread == 0:
        missing = _call_helpers(threads, helpers)
        if missing == 0:
            data.turns[:] = 0
            data.rows[0] = rows
            add_one(control, _STEPS)
            do_step(0, threads, control, rows, data)
        return missing
    steps, waited = read(control, _STEPS), 0
    replace(helpers, thread, _AWAY, _WAITING)
    while True:
        if read(control, _STEPS) > steps:
            steps += 1
            do_step(thread, threads, control, data.rows[0], data)
            replace(helpers, thread, _STEPPING, _WAITING)
            waited = 0
        elif waited > _PATIENCE and replace(helpers, thread, _WAITING, _AWAY):
            return 0
        else:
            waited += 1
            give_way()


@njit(nogil=True, cache=True)
def _call_helpers(threads: int, helpers: Any) -> int:
    """Keep all helpers from going; if one has gone, keep none, and return which."""
    for helper in range(1, threads):
        while read(helpers, helper) == _STEPPING:  # not yet back from the last step
            give_way()
        if not replace(helpers, helper, _WAITING, _STEPPING):
            for called in range(1, helper):
                replace(helpers, called, _STEPPING, _WAITING)
            return helper
    return 0
