"""One process a run folder: a lock that the system frees when its holder dies, however it dies."""

from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"


class RunLock:
    """The lock of a folder.

    Parameters
    ----------
    folder : Path
        Must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / LOCK, thread_local=False)

    def acquire(self, patience_s: float = 2.0) -> bool:
        """Take the lock; False when another process keeps it for longer than `patience_s`.

        A face that only looks (`is_locked`) holds it for an instant, which patience outlasts.
        """
        try:
            self._lock.acquire(timeout=patience_s)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()


def is_locked(folder: Path) -> bool:
    """Tell whether a living process holds the folder's lock.

    Raises
    ------
    OSError
        The lock cannot be tried, e.g. because the folder is another user's.
    """
    if not (folder / LOCK).is_file():
        return False
    lock = RunLock(folder)
    if not lock.acquire(patience_s=0):
        return True
    lock.release()
    return False
