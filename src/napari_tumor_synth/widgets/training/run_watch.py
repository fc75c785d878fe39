"""Looks at the runs again and again, in a thread, while somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.workflows.follow_run import RunFollower
from napari_tumor_synth.workflows.known_runs import known_runs

if TYPE_CHECKING:
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.training.runs.status import RunSummary
    from napari_tumor_synth.workflows.follow_run import RunView

_EVERY_MS = 1000
_LIST_EVERY = 3  # looks


@dataclass(frozen=True)
class _Seen:
    runs: tuple[RunSummary, ...] | None
    view: RunView | None


class RunWatch(QObject):
    """Tells of all runs, and more of the one that is followed.

    It reads folders only: a run knows nothing of it, and goes on when it ends.

    Parameters
    ----------
    is_seen : callable
        Whether anybody looks; otherwise only running runs are watched to their end.
    """

    listed = Signal(object)  # tuple of RunSummary
    looked = Signal(object)  # RunView of the followed run
    ended = Signal(object)  # RunSummary of a run that was seen running and is not any more

    def __init__(self, is_seen: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_seen = is_seen
        self._job = Job(self)
        self._job.succeeded.connect(self._on_seen)
        self._follower: RunFollower | None = None
        self._previews: tuple[str, ...] = ()
        self._running: set[Path] = set()
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_time)
        self._timer.start(_EVERY_MS)

    def follow(self, folder: Path | None, previews: tuple[str, ...] = ()) -> None:
        """Tell of this run, with these of its previews, from now on."""
        self._previews = previews
        if folder is None:
            self._follower = None
        elif self._follower is None or self._follower.folder != folder:
            self._follower = RunFollower(folder)
        self.look()

    def expect(self, folder: Path) -> None:
        """Take a run for one that runs: it may come to its end before the next look."""
        self._running.add(folder)

    def look(self) -> None:
        """Look at once, at the list as well."""
        self._looks = 0
        self._start()

    def close(self) -> None:
        """Stop looking."""
        self._timer.stop()
        self._job.close()

    def _on_time(self) -> None:
        if not self._job.is_running and (self._is_seen() or self._running):
            self._start()

    def _start(self) -> None:
        follower, previews = self._follower, self._previews
        with_list = self._looks % _LIST_EVERY == 0
        self._looks += 1

        def work(on_progress: OnProgress) -> _Seen:
            runs = tuple(known_runs()) if with_list else None
            try:
                view = None if follower is None else follower.look(previews)
            except TrainingError:  # its folder was removed: the list says so
                view = None
            return _Seen(runs, view)

        self._job.start(work)

    def _on_seen(self, seen: _Seen) -> None:
        followed = self._follower.folder if self._follower is not None else None
        view = seen.view if seen.view is not None and seen.view.summary.folder == followed else None
        if seen.runs is not None:
            self._running &= {run.folder for run in seen.runs}  # others were removed
            self.listed.emit(seen.runs)
        if view is not None:
            self.looked.emit(view)
        for run in [*(seen.runs or ()), *([view.summary] if view is not None else [])]:
            if run.state == "running":
                self._running.add(run.folder)
            elif run.folder in self._running:
                self._running.discard(run.folder)
                self.ended.emit(run)
