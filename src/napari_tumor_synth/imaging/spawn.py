"""Run a function on many things in fresh processes that end with their parent."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from threadpoolctl import threadpool_limits

from napari_tumor_synth.errors import MemoryLimitError

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)

_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


def map_in_processes(
    function: Callable[[_Thing], _Result], things: Sequence[_Thing], workers: int
) -> Generator[_Result, None, None]:
    """Yield ``function(thing)`` for all things, each as it gets ready, in any order.

    Processes are spawned, not forked, because a fork of a process with Qt or other threads may
    hang. One worker, or one thing, needs no process. Closing the iterator drops what has not
    begun and waits for what has.

    Parameters
    ----------
    function : callable
        Defined at the top of a module, as its argument and its result must be.
    things : sequence
    workers : int
        At most so many processes, with one thread each.

    Raises
    ------
    MemoryLimitError
        A process was ended by the operating system, or could not begin.
    """
    workers = min(workers, len(things))
    if workers <= 1:
        yield from map(function, things)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    )
    try:
        for future in as_completed([pool.submit(function, thing) for thing in things]):
            yield future.result()
    except BrokenProcessPool as error:
        raise MemoryLimitError(
            "A worker process ended before its work: for want of memory, or because the calling "
            "script has no `if __name__ == '__main__':`.",
            "Call again with fewer workers, or one; what is finished is kept.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Set up a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # for libraries that are not loaded yet
    threadpool_limits(1)  # for those that the caller's main module has loaded
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent was killed, which the pool itself would not notice."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
