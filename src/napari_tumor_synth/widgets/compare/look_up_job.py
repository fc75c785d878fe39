"""Looking ROIs up one at a time: what is given is always of what was asked for last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.compare.look_up import Found, find
from napari_tumor_synth.widgets.jobs import Job

if TYPE_CHECKING:
    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.progress import OnProgress, Progress
    from napari_tumor_synth.widgets.compare.queries import Query

_Asked = tuple["Query", "Gallery", bool]


class LookUpJob(QObject):
    """Looks up what was asked for last, away from the window; what was asked before is stopped.

    Attributes
    ----------
    has_failed : bool
        Whether that found nothing but an error.
    """

    began = Signal()
    said = Signal(str)  # how far it is
    found = Signal(object)  # Found
    failed = Signal(object)  # TumorSynthError

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self._asked: _Asked | None = None
        self.has_failed = False
        self.job.progressed.connect(self._on_progress)
        self.job.succeeded.connect(self._on_found)
        self.job.failed.connect(self._on_failed)

    def is_of(self, query: Query, gallery: Gallery, transforms: bool) -> bool:
        """Tell whether this was asked for last, and not dropped since."""
        asked = self._asked
        return (
            asked is not None
            and asked[0] is query
            and asked[1] is gallery
            and asked[2] == transforms
        )

    def ask(self, query: Query, gallery: Gallery, transforms: bool) -> None:
        """Look this up."""
        asked = self._asked = query, gallery, transforms
        self.has_failed = False

        def work(on_progress: OnProgress) -> tuple[_Asked, Found | TumorSynthError]:
            try:
                found = find(query, gallery, transforms=transforms, on_progress=on_progress)
            except TumorSynthError as error:  # that is told of this ROI, and of no other
                return asked, error
            return asked, found

        self.began.emit()
        self.said.emit(f"Looking among {len(gallery):,} ROIs…")
        self.job.start(work)

    def drop(self) -> None:
        """Stop, and give nothing of what was asked for."""
        self._asked = None
        self.has_failed = False
        self.job.cancel()

    def close(self) -> None:
        """Stop for good."""
        self.drop()
        self.job.close()

    def _on_progress(self, progress: Progress) -> None:
        if self._asked is not None:
            share = progress.step / max(progress.total, 1)
            words = progress.message[:1].upper() + progress.message[1:]
            self.said.emit(f"{words}… {share:.0%}")

    def _on_found(self, result: tuple[_Asked, Found | TumorSynthError]) -> None:
        asked, found = result
        if asked is not self._asked:
            return
        if isinstance(found, TumorSynthError):
            self._on_failed(found)
        else:
            self.found.emit(found)

    def _on_failed(self, error: TumorSynthError) -> None:
        if self._asked is not None:
            self.has_failed = True
            self.failed.emit(error)
