"""One way to report long work, and one way to stop it.

Every service that takes long accepts ``on_progress`` and calls it once a step. Whoever listens
draws a bar, or raises `Cancelled` to stop the work at that step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """Raised from a progress callback to stop the work at the current step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """State of long work after a step.

    Attributes
    ----------
    step : int
        Steps done, 0 to `total`.
    total : int
        Steps there are.
    message : str
        What is being done, for a person.
    preview : object, optional
        Something to look at, e.g. an array ``(S, A, R)``.
    """

    step: int
    total: int
    message: str = ""
    preview: Any = None


OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Listen to nothing: the default of every service."""
