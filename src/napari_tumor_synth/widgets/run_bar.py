"""One button that starts and cancels, a bar, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_tumor_synth.progress import Progress
    from napari_tumor_synth.widgets.jobs import Job


class RunBar(QWidget):
    """Follows a job.

    Parameters
    ----------
    job : Job
        What is started and cancelled.
    verb : str
        On the button while nothing runs.
    """

    asked = Signal()

    def __init__(self, job: Job, verb: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job, self._verb = job, verb
        self._begun = 0.0
        self._first: int | None = None  # the first step done: loading comes before it
        self.button, self.bar, self.words = QPushButton(verb), QProgressBar(), QLabel()
        self.bar.setTextVisible(False)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addWidget(self.bar, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.words)
        self.button.clicked.connect(self._on_click)
        job.started.connect(self._on_started)
        job.progressed.connect(self._on_progress)
        job.ended.connect(self._on_ended)
        self._on_ended()

    def _on_click(self) -> None:
        if self._job.is_running:
            self.button.setEnabled(False)  # until it has stopped
            self.words.setText("Stopping…")
            self._job.cancel()
        else:
            self.asked.emit()

    def _on_started(self) -> None:
        self._first = None
        self.button.setText("Cancel")
        self.button.setToolTip("Stop at the next step; what is done stays.")
        self.bar.setRange(0, 1)  # a busy bar would paint the whole window 60 times a second
        self.bar.setValue(0)
        self.bar.show()
        self.words.setText("Starting…")

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.step)
        if progress.step == 0:
            self.words.setText(f"{progress.message}…")
            return
        if self._first is None:
            self._begun, self._first = time.monotonic(), progress.step
        left = time_left(time.monotonic() - self._begun, self._first, progress)
        self.words.setText(f"{progress.message}, step {progress.step} of {progress.total}{left}")

    def _on_ended(self) -> None:
        self.button.setText(self._verb)
        self.button.setToolTip("")
        self.button.setEnabled(True)
        self.bar.hide()
        self.words.setText("")


def time_left(elapsed: float, first: int, progress: Progress) -> str:
    """Return ", about 12 s left", or "" while it cannot be told.

    Parameters
    ----------
    elapsed : float
        Seconds since the step `first`.
    """
    done = progress.step - first
    if done <= 0 or elapsed < 0.5:
        return ""
    seconds = elapsed * (progress.total - progress.step) / done
    text = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
    return f", about {text} left"
