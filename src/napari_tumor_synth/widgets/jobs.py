"""Long work away from the window: progress, cancelling, and every failure as a sentence."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_tumor_synth.errors import MemoryLimitError, TumorSynthError, is_out_of_memory
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress

Work = Callable[[OnProgress], Any]
_QUIET_SECONDS = 0.5  # of a run; one that is shorter is told nothing of
_SECONDS_BETWEEN_REPORTS = 0.5  # each paints the window anew


class UnexpectedError(TumorSynthError):
    """A fault of this program; `details` is what its developers need."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"Something went wrong that should not: {type(error).__name__}: {error}.",
            "Nothing is lost; try again, and report it with the details if it comes back.",
        )
        self.details = "".join(traceback.format_exception(error))


@dataclass(frozen=True)
class _Outcome:
    result: Any = None
    error: TumorSynthError | None = None
    cancelled: bool = False


class Job(QObject):
    """One piece of work at a time, in a thread of its own.

    A request that comes while another runs cancels that one, and begins when it has stopped;
    requests between are dropped. Signals arrive in the thread of the window. Each request that
    began ends with exactly one of `succeeded`, `failed` and `cancelled`, and then `ended`.
    """

    started = Signal()
    progressed = Signal(object)  # Progress
    succeeded = Signal(object)  # what the work returned
    failed = Signal(object)  # TumorSynthError
    cancelled = Signal()
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run: _Run | None = None
        self._next: Work | None = None
        self._closed = False

    @property
    def is_running(self) -> bool:
        """Whether work is going on, or about to."""
        return self._run is not None

    def start(self, work: Work) -> None:
        """Do this, instead of whatever is being done."""
        if self._closed:
            return
        if self._run is not None:
            self._next = work
            self._run.stop = True
            return
        self._run = run = _Run(work)
        run.progressed.connect(self.progressed)
        run.done.connect(self._finish)
        self.started.emit()
        run.begin()

    def cancel(self) -> None:
        """Stop at the next step; nothing else begins."""
        self._next = None
        if self._run is not None:
            self._run.stop = True

    def close(self) -> None:
        """Cancel, and tell nobody of the outcome."""
        self.cancel()
        self._closed = True

    def _finish(self, outcome: _Outcome) -> None:
        self._run = None
        if self._closed:
            return
        if outcome.cancelled:
            self.cancelled.emit()
        elif outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            self.succeeded.emit(outcome.result)
        following, self._next = self._next, None
        self.ended.emit()
        if following is not None and self._run is None:
            self.start(following)


class _Run(QObject):
    progressed = Signal(object)
    done = Signal(object)

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._reported, self._message = 0.0, ""
        self.stop = False

    def begin(self) -> None:
        # a function, no generator: superqt loses a RuntimeError of a generator, and running out of
        # a GPU's memory is one
        self._begun = time.monotonic()
        self._worker = create_worker(self._in_thread, _ignore_errors=True)
        self._worker.returned.connect(self.done)
        self._worker.start()

    def _in_thread(self) -> _Outcome:
        try:
            return _Outcome(result=self._work(self._on_progress))
        except Cancelled:
            return _Outcome(cancelled=True)
        except BaseException as error:  # a thread that ends without a word is waited for for ever
            return _Outcome(error=_as_sentence(error))

    def _on_progress(self, progress: Progress) -> None:
        if self.stop:
            raise Cancelled
        now = time.monotonic()
        if now - self._begun < _QUIET_SECONDS:
            return
        news = progress.step == progress.total or progress.message != self._message
        if news or now - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._reported, self._message = now, progress.message
            self.progressed.emit(progress)


def _as_sentence(error: BaseException) -> TumorSynthError:
    if isinstance(error, TumorSynthError):
        return error
    if is_out_of_memory(error):
        return MemoryLimitError(
            "The memory of the machine or of the device did not suffice.",
            "Close other programs, ask for fewer at a time, or choose a smaller model.",
        )
    return UnexpectedError(error)
