"""Start, Stop and Resume in one place, each enabled when it can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_tumor_synth.workflows.follow_run import RunView

_PATIENCE_MS = 10_000  # with a step that does not end, before "Stop now" is offered


class RunButtons(QWidget):
    """The buttons; two more appear when a run does not stop, or began with other code."""

    start_asked = Signal()
    stop_asked = Signal(bool)  # at once
    resume_asked = Signal(bool)  # although the program has changed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start, self.stop, self.resume = (
            QPushButton("Start"),
            QPushButton("Stop"),
            QPushButton("Resume"),
        )
        self.stop_now, self.resume_anyway = QPushButton("Stop now"), QPushButton("Resume anyway")
        self.start.setToolTip("Train in a process of its own, which goes on if napari is closed.")
        self.stop.setToolTip("Stop after the present step, and save the state.")
        self.resume.setToolTip("Go on from the state that was saved last.")
        self.stop_now.setToolTip(
            "End the process at once: steps since the last saved state are lost, the state stays."
        )
        self.resume_anyway.setToolTip("Go on though the program has changed since the run began.")
        row, below = QHBoxLayout(), QHBoxLayout()
        for button in (self.start, self.stop, self.resume):
            row.addWidget(button)
        for button in (self.stop_now, self.resume_anyway):
            below.addWidget(button)
            button.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(below)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.stop_now.show)
        self.start.clicked.connect(lambda: self.start_asked.emit())
        self.stop.clicked.connect(lambda: self.stop_asked.emit(False))
        self.stop_now.clicked.connect(self._on_stop_now)
        self.resume.clicked.connect(lambda: self.resume_asked.emit(False))
        self.resume_anyway.clicked.connect(self._on_resume_anyway)

    def show_state(
        self, view: RunView | None, *, new: bool, ready: bool, beginning: bool, asked: bool
    ) -> None:
        """Enable what can be done.

        Parameters
        ----------
        view : RunView or None
            The chosen run, if there is one and it was read.
        new : bool
            A new run is chosen.
        ready : bool
            The form of a new run holds all that it needs.
        beginning : bool
            A process is being started.
        asked : bool
            The chosen run is being asked to stop, and may not know yet.
        """
        running = view is not None and view.summary.state == "running"
        stopping = running and view is not None and (view.stopping or asked)
        self.start.setEnabled(new and ready and not beginning)
        self.start.setText("Starting…" if new and beginning else "Start")
        self.stop.setEnabled(running and not stopping)
        self.stop.setText("Stopping…" if stopping else "Stop")
        self.resume.setEnabled(view is not None and view.summary.can_resume and not beginning)
        self.resume.setText("Resuming…" if not new and beginning else "Resume")
        if not stopping:
            self._patience.stop()
            self.stop_now.hide()
        elif not self._patience.isActive() and self.stop_now.isHidden():
            self._patience.start(_PATIENCE_MS)
        if new or running or beginning:
            self.resume_anyway.hide()

    def offer_changed_code(self, offered: bool) -> None:
        """Offer to go on with a run that other code began."""
        self.resume_anyway.setVisible(offered)

    def _on_stop_now(self) -> None:
        self.stop_now.hide()
        self.stop_asked.emit(True)

    def _on_resume_anyway(self) -> None:
        self.resume_anyway.hide()
        self.resume_asked.emit(True)
