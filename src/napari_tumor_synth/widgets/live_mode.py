"""A sample for whatever is chosen, as soon as the sliders rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QWidget

if TYPE_CHECKING:
    from napari_tumor_synth.generators.synthetic import SyntheticRoi
    from napari_tumor_synth.widgets.jobs import Job

_REST_MS = 250  # a slider that has not moved for this long rests


class LiveMode(QCheckBox):
    """Asks for a sample when the choice has rested; each replaces the one before.

    An outdated request is replaced by the next. A run that the user asked for is not: live mode
    waits until it has ended.

    Parameters
    ----------
    job : Job
        What generates.
    """

    asked = Signal()

    def __init__(self, job: Job, parent: QWidget | None = None) -> None:
        super().__init__("Live", parent)
        self.setToolTip(
            "Generate as a slider rests. The last live sample is replaced; tick off to keep it."
        )
        self._job = job
        self._runs = False  # what the job does was asked for here
        self._sample: SyntheticRoi | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._ask)
        self.toggled.connect(self._on_toggled)

    def on_choice(self, *ignored: object) -> None:
        """Something was chosen, and may be again at once."""
        if self.isChecked():
            self._rest.start(_REST_MS)

    def on_start(self, *, live: bool) -> None:
        """Take note that a run begins; one that was asked for makes what is chosen now."""
        self._runs = live
        if not live:
            self._rest.stop()

    def take(self, sample: SyntheticRoi) -> SyntheticRoi | None:
        """Keep what a live run made; return the sample that it replaces, if any."""
        if not self.isChecked():
            return None
        outdated, self._sample = self._sample, sample
        return outdated

    def _ask(self) -> None:
        if self._job.is_running and not self._runs:
            self._rest.start(_REST_MS)
        elif self.isChecked():
            self.asked.emit()

    def _on_toggled(self, live: bool) -> None:
        self._sample = None
        if live:
            self._ask()
        else:
            self._rest.stop()
