"""Where the auxiliary classifier looked, over a real or synthetic ROI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.region import Roi
from napari_tumor_synth.widgets.colour_bar import ColourBar
from napari_tumor_synth.widgets.importance_overlay import ImportanceLook, overlay_of
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.message import MessageBox

if TYPE_CHECKING:
    from napari_tumor_synth.errors import TumorSynthError
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.widgets.importance_overlay import Found, Subject
    from napari_tumor_synth.widgets.session import Session

CAPTION = "What the auxiliary classifier weighted, not a probability of disease."


class ImportancePanel(QWidget):
    """The scores of the selected ROI as an overlay."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.job = Job(self)
        self._overlay = overlay_of(session)
        self._computing: Subject | None = None
        self.shown = QCheckBox("Importance overlay")
        self.shown.setToolTip("Scores of the selected real or synthetic ROI.")
        caption = QLabel(CAPTION)
        caption.setWordWrap(True)
        self.message = MessageBox()
        self.opacity, self.threshold = _slider(), _slider()
        self.opacity.setToolTip("Opacity of the overlay in %.")
        self.threshold.setToolTip("Scores below this are not shown, in % of the highest possible.")
        self._colours = ColourBar()
        form = QFormLayout()
        form.addRow("Opacity", self.opacity)
        form.addRow("Threshold", self.threshold)
        form.addRow("Score", self._colours)
        layout = QVBoxLayout(self)
        layout.addWidget(self.shown)
        layout.addLayout(form)
        layout.addWidget(caption)
        layout.addWidget(self.message)
        self._soon = QTimer(self)  # a change of case is a change of ROI and selection, too
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._follow)
        for slider in (self.opacity, self.threshold):
            slider.valueChanged.connect(self._tell_look)
        self.shown.toggled.connect(self._on_toggled)
        self.job.succeeded.connect(self._on_scores)
        self.job.failed.connect(self._on_failed)
        self._links = (
            (session.selected_changed, self._on_change),
            (session.roi_changed, self._on_change),
            (session.model_changed, self._on_model),
            (session.importance_changed, self._on_importance),
            (session.importance_look_changed, self._on_look),
        )
        for signal, slot in self._links:
            signal.connect(slot)
        self._on_look(self._overlay.look)
        self._tell_state()
        self._soon.start(0)

    def close_jobs(self) -> None:
        """Stop; the panel is going away."""
        self._soon.stop()
        leaves_undone = self.job.is_running
        self.job.close()
        for signal, slot in self._links:
            signal.disconnect(slot)
        if leaves_undone and self._overlay.asked is not None:
            self._overlay.asked = None
            self.session.importance_changed.emit(None)  # another panel goes on with it

    @property
    def look(self) -> ImportanceLook:
        """What is chosen."""
        return ImportanceLook(self.opacity.value() / 100, self.threshold.value() / 100)

    @property
    def _subject(self) -> Subject | None:
        selected, model = self.session.selected, self.session.model
        if selected is None:
            return None
        if isinstance(selected, Roi):
            return selected, "" if model is None else model.sha256
        return selected, selected.provenance.model_sha256

    def _on_toggled(self, shown: bool) -> None:
        self.message.clear()
        self._overlay.wanted = shown
        if not shown:
            self._turn_off()
        elif self._subject is None:
            self._turn_off()
            self.message.fail(InputError("No ROI is selected.", "Cut or generate one first."))
        else:
            self._follow()

    def _turn_off(self) -> None:
        self._overlay.wanted = False
        self._overlay.forget()
        self.session.importance_changed.emit(None)

    def _on_change(self, ignored: object) -> None:
        self._soon.start(0)

    def _on_model(self, ignored: object) -> None:
        if self._subject != self._overlay.about:  # a sample keeps to the model that made it
            self._soon.start(0)

    def _follow(self) -> None:
        """Show the scores of what is selected now, if they are wanted."""
        overlay, subject = self._overlay, self._subject
        if not overlay.wanted:
            return
        if subject is None:
            self.job.cancel()
            overlay.forget()
            self.message.note("Waits for the next ROI.")
        elif subject == overlay.about:  # the scene may have moved or dropped it
            self._show()
        elif subject != overlay.asked:
            self._compute(subject)

    def _compute(self, subject: Subject) -> None:
        session, (roi, _) = self.session, subject
        model, device = session.model.name if session.model else None, session.device
        self.message.clear()
        self._overlay.forget()
        self._overlay.asked = subject
        session.importance_changed.emit(None)  # what is there is of another ROI or model

        def work(on_progress: OnProgress) -> tuple[Subject, Found]:
            self._computing = subject
            scores = session.generators.importance(model, device, roi, on_progress=on_progress)
            return subject, (scores, roi if isinstance(roi, Roi) else roi.roi)

        self.job.start(work)

    def _on_scores(self, result: tuple[Subject, Found]) -> None:
        overlay, (subject, found) = self._overlay, result
        if subject != overlay.asked:  # ticked off, or another one was asked for
            return
        overlay.asked, overlay.about, overlay.found = None, subject, found
        if subject == self._subject:
            self._show()

    def _on_failed(self, error: TumorSynthError) -> None:
        if self._overlay.asked is not None and self._computing == self._overlay.asked:
            self._turn_off()
            self.message.fail(error)

    def _show(self) -> None:
        self.session.importance_changed.emit(self._overlay.found)
        self.session.importance_look_changed.emit(self._overlay.look)

    def _on_importance(self, found: Found | None) -> None:
        """Agree with what this panel, another one or the user has done."""
        if found is None and self._overlay.found is not None:  # nobody here: the layer was deleted
            self._overlay.wanted = False
            self._overlay.forget()
        if found is None:
            self._soon.start(0)
        self._tell_state()

    def _tell_state(self) -> None:
        overlay = self._overlay
        with QSignalBlocker(self.shown):
            self.shown.setChecked(overlay.wanted)
        if not overlay.wanted:
            self.job.cancel()
        if overlay.found is not None or not overlay.wanted:
            self.message.clear()
        self._tell_colours()

    def _tell_colours(self) -> None:
        found = self._overlay.found
        highest = 1.0 if found is None else float(found[0].max())
        self._colours.set_range(*self._overlay.look.limits(highest))

    def _tell_look(self) -> None:
        self.session.importance_look_changed.emit(self.look)

    def _on_look(self, look: ImportanceLook) -> None:
        self._overlay.look = look
        for slider, share in ((self.opacity, look.opacity), (self.threshold, look.threshold)):
            with QSignalBlocker(slider):
                slider.setValue(round(100 * share))
        self._tell_colours()


def _slider() -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    return slider
