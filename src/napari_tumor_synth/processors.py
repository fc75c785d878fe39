"""How many processor cores to use, and the threads that use them, decided in one place."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


def available_cores() -> int:
    """Return the cores this process may use (affinity respected), at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def worker_count(requested: int | None = None, *, reserve: int = 0) -> int:
    """Return how many workers to start.

    Parameters
    ----------
    requested : int, optional
        What the user asked for; None means all cores.
    reserve : int
        Cores left free, e.g. 1 for a user interface.
    """
    if requested is not None:
        return max(1, requested)
    return max(1, available_cores() - reserve)


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that begin nothing more once the block is left.

    Whoever cancels waits for what has begun, and not for all that was asked for.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
