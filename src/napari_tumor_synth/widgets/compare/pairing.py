"""Bringing a real ROI beside the selected one: the one that was asked for last, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.compare.look_up import Found, Listed, pair_of
from napari_tumor_synth.widgets.jobs import Job

if TYPE_CHECKING:
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.widgets.compare.pair import Pair

_Result = tuple[Listed, "Pair | TumorSynthError"]


class Pairing(QObject):
    """Reads pairs away from the window.

    Attributes
    ----------
    wanted, shown : Listed or None
        What was asked for last, and what is there.
    """

    ready = Signal(object)  # Pair
    failed = Signal(object)  # TumorSynthError; what was shown before still is

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self.wanted: Listed | None = None
        self.shown: Listed | None = None
        self.job.succeeded.connect(self._on_read)
        self.job.failed.connect(self._on_failed)

    def ask(self, found: Found, listed: Listed) -> None:
        """Read the images of a match."""
        self.wanted = listed

        def work(on_progress: OnProgress) -> _Result:
            try:
                return listed, pair_of(found, listed)
            except TumorSynthError as error:  # of this one, and of no other
                return listed, error

        self.job.start(work)

    def drop(self) -> None:
        """Want nothing, and take nothing to be shown."""
        self.wanted = self.shown = None
        self.job.cancel()

    def close(self) -> None:
        """Stop for good."""
        self.drop()
        self.job.close()

    def _on_read(self, result: _Result) -> None:
        listed, pair = result
        if listed is not self.wanted:
            return
        if isinstance(pair, TumorSynthError):
            self._on_failed(pair)
        else:
            self.shown = listed
            self.ready.emit(pair)

    def _on_failed(self, error: TumorSynthError) -> None:
        if self.wanted is not None:
            self.wanted = self.shown
            self.failed.emit(error)
