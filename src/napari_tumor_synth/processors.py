"""How many processor cores to use, decided in one place."""

import os


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
