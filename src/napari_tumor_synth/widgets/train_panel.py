"""Last step: a generator of one's own, trained in a process that outlives napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_tumor_synth.errors import InputError, TumorSynthError
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.training.new_run_form import NewRunForm
from napari_tumor_synth.widgets.training.preview_layers import ShownPreview
from napari_tumor_synth.widgets.training.run_actions import RunActions
from napari_tumor_synth.widgets.training.run_buttons import RunButtons
from napari_tumor_synth.widgets.training.run_list import RunList
from napari_tumor_synth.widgets.training.run_monitor import RunMonitor
from napari_tumor_synth.widgets.training.run_watch import RunWatch
from napari_tumor_synth.widgets.training.run_words import in_a_window, needs_changed_code

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry
    from napari_tumor_synth.training.runs.status import RunSummary
    from napari_tumor_synth.widgets.session import Session
    from napari_tumor_synth.workflows.follow_run import RunView


class TrainPanel(QWidget):
    """A list of runs; below it, the form of a new one or what the chosen one does."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.runs, self.open_button = RunList(), QPushButton("Open…")
        self.open_button.setToolTip("List a run, or all runs of a folder, that are kept elsewhere.")
        self.buttons, self.message = RunButtons(), MessageBox()
        self.form, self.monitor = NewRunForm(), RunMonitor()
        self.control = RunActions(self)
        self.watch = RunWatch(self.isVisible, self)
        self._view: RunView | None = None
        self._preview = ""
        self._asked_to_stop: Path | None = None
        self._chosen_next: Path | None = None
        self._lay_out()

        self.runs.chosen.connect(self._on_run)
        self.open_button.clicked.connect(self._pick_run)
        self.buttons.start_asked.connect(self.start)
        self.buttons.stop_asked.connect(self.stop)
        self.buttons.resume_asked.connect(self.resume)
        self.form.changed.connect(self._tell_state)
        self.monitor.preview_asked.connect(self._on_preview)
        self.monitor.install_asked.connect(self._install)
        self.control.begun.connect(self._on_begun)
        self.control.failed.connect(self._on_failed)
        self.control.installed.connect(self._on_installed)
        self.control.changed.connect(self._tell_state)
        self.watch.listed.connect(self._on_listed)
        self.watch.looked.connect(self._on_looked)
        self.watch.ended.connect(self._on_ended)
        session.preview_changed.connect(self._on_other_preview)
        self._on_run(None)
        self._first_look = QTimer(self)
        self._first_look.setSingleShot(True)
        self._first_look.timeout.connect(self.watch.look)
        self._first_look.start(0)

    @property
    def folder(self) -> Path | None:
        """The chosen run; None for a new one."""
        return self.runs.folder

    def start(self) -> None:
        """Start what the form says."""
        if not self.form.is_ready:
            self.message.fail(InputError("Nothing to learn from is chosen.", "Pick a cohort."))
            return
        self.message.note("Starting a process that trains; it goes on if napari is closed…")
        self.control.begin(self.form.request())

    def stop(self, at_once: bool = False) -> None:
        """Stop the chosen run after its step, or at once."""
        if self.folder is not None:
            self._asked_to_stop = self.folder
            self.control.stop(self.folder, at_once=at_once)

    def resume(self, accept_changed_code: bool = False) -> None:
        """Go on with the chosen run."""
        from napari_tumor_synth.training.runs.background import TrainingRequest

        if self.folder is not None:
            self.message.note("Starting a process that goes on with the run…")
            self.control.begin(
                TrainingRequest(
                    out=self.folder, resume=True, accept_changed_code=accept_changed_code
                )
            )

    def open_run(self, folder: Path) -> None:
        """List a run, or all runs of a folder."""
        from napari_tumor_synth.workflows.known_runs import remember_run

        try:
            remember_run(folder)
        except TumorSynthError as error:
            self.message.fail(error)
            return
        self._chosen_next = folder.absolute()
        self.watch.look()

    def close_jobs(self) -> None:
        """Stop looking; the panel is going away, and runs go on."""
        self.watch.close()
        self.control.close()
        self.form.close_jobs()
        self.session.preview_changed.disconnect(self._on_other_preview)
        if self._preview:
            self.session.show_preview(None)

    def _on_run(self, folder: Path | None) -> None:
        self._view = None
        self.message.clear()
        self.buttons.offer_changed_code(False)
        if self._preview:
            self.session.show_preview(None)
        self.form.setVisible(folder is None)
        self.monitor.setVisible(folder is not None)
        if folder is not None:
            self.monitor.turn_to(folder)
        self.watch.follow(folder)
        self._tell_state()

    def _on_listed(self, runs: tuple[RunSummary, ...]) -> None:
        self.runs.show_runs(runs)
        if self._chosen_next in [run.folder for run in runs]:
            self.runs.choose(self._chosen_next)
            self._chosen_next = None

    def _on_looked(self, view: RunView) -> None:
        self._view = view
        if view.summary.state != "running":
            self._asked_to_stop = None
        self.monitor.show_view(view)
        self._tell_state()
        newest = view.previews.get(self._preview)
        if newest is None:
            return
        shown = self.session.preview
        if shown is None or shown.preview is not newest:
            run = view.summary.folder.name
            self.session.show_preview(
                ShownPreview(self._preview, newest, run, view.patient_data)
            )  # fmt: skip

    def _on_preview(self, kind: str) -> None:
        if not kind:
            self.session.show_preview(None)
            return
        self._preview = kind
        self.watch.follow(self.folder, (kind,))

    def _on_other_preview(self, shown: ShownPreview | None) -> None:
        """Take note that the viewer shows something else now."""
        ours = shown is not None and shown.kind == self._preview
        if not ours:
            self._preview = ""
            self.monitor.mark_preview("")
            self.watch.follow(self.folder)

    def _on_begun(self, folder: Path) -> None:
        self.message.clear()
        self._chosen_next = folder
        self.watch.expect(folder)
        self.watch.look()

    def _on_failed(self, error: TumorSynthError) -> None:
        self._asked_to_stop = None
        self.message.fail(in_a_window(error))
        self.buttons.offer_changed_code(needs_changed_code(error))
        self.watch.look()

    def _on_ended(self, run: RunSummary) -> None:
        if run.checkpoint is not None:
            self.message.note(f"{run.folder.name} has finished. Adding its model to the list…")
            self.control.install(run.folder)

    def _install(self, name: str) -> None:
        if self.folder is not None:
            self.control.install(self.folder, name)

    def _on_installed(self, entry: CatalogueEntry | None) -> None:
        self.session.models_changed.emit()
        if entry is not None:
            self.message.note(f"{entry.name} is now in the Generate list.")

    def _tell_state(self) -> None:
        self.buttons.show_state(
            self._view,
            new=self.folder is None,
            ready=self.form.is_ready,
            beginning=self.control.is_beginning,
            asked=self._asked_to_stop is not None and self._asked_to_stop == self.folder,
        )
        self.monitor.install_button.setEnabled(not self.control.is_installing)

    def _pick_run(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of a run")
        if chosen:
            self.open_run(Path(chosen))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        above = QHBoxLayout()
        above.addWidget(self.runs, 1)
        above.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(above)
        layout.addWidget(self.form)
        layout.addWidget(self.buttons)
        layout.addWidget(self.message)
        layout.addWidget(self.monitor)
