"""Where the auxiliary classifier looked, over a real or synthetic ROI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.region import Roi
from napari_tumor_synth.widgets.colour_bar import ColourBar
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.message import MessageBox

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.widgets.session import Session

CAPTION = "What the auxiliary classifier weighted, not a probability of disease."


@dataclass(frozen=True)
class ImportanceLook:
    """How scores are shown.

    Attributes
    ----------
    opacity : float
        0 to 1.
    threshold : float
        Scores below it are not shown, 0 to 1.
    """

    opacity: float = 0.5
    threshold: float = 0.0

    def apply_to(self, layer: Image) -> None:
        """Show a layer like this."""
        layer.opacity = self.opacity
        low, high = min(self.threshold, 0.999), layer.contrast_limits_range[1]
        layer.contrast_limits = (low, max(high, low + 1e-3))


class ImportancePanel(QWidget):
    """The scores of the selected ROI as an overlay."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.job = Job(self)
        self.shown = QCheckBox("Importance overlay")
        self.shown.setToolTip("Scores of the selected real or synthetic ROI.")
        caption = QLabel(CAPTION)
        caption.setWordWrap(True)
        self.message = MessageBox()
        self.opacity, self.threshold = _slider(50), _slider(0)
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
        for slider in (self.opacity, self.threshold):
            slider.valueChanged.connect(self._tell_look)
        self.shown.toggled.connect(self._on_toggled)
        self.job.succeeded.connect(self._on_scores)
        self.job.failed.connect(self._on_failed)
        session.selected_changed.connect(self._on_selected)

    def close_jobs(self) -> None:
        """Stop; the panel is going away."""
        self.job.close()
        self.session.selected_changed.disconnect(self._on_selected)

    def _on_toggled(self, shown: bool) -> None:
        self.message.clear()
        if not shown:
            self.session.importance_changed.emit(None)
            return
        selected, session = self.session.selected, self.session
        if selected is None:
            self._on_failed(InputError("No ROI is selected.", "Cut or generate one first."))
            return
        model: str | None
        if isinstance(selected, Roi):
            roi, model = selected, session.model.name if session.model else None
        else:
            roi, model = selected.roi, selected.provenance.model_name

        def work(on_progress: OnProgress) -> tuple[Any, Roi]:
            return session.generators.importance(model, session.device, roi), roi

        self.job.start(work)

    @property
    def look(self) -> ImportanceLook:
        """What is chosen."""
        return ImportanceLook(self.opacity.value() / 100, self.threshold.value() / 100)

    def _on_scores(self, result: tuple[Any, Roi]) -> None:
        scores, _ = result
        self._colours.set_range(0.0, float(scores.max()))
        self.session.importance_changed.emit(result)
        self._tell_look()

    def _tell_look(self, ignored: object = None) -> None:
        self._colours.set_threshold(self.look.threshold)
        self.session.importance_look_changed.emit(self.look)

    def _on_selected(self, selected: Any) -> None:
        if self.shown.isChecked():
            self._on_toggled(True)

    def _on_failed(self, error: Any) -> None:
        self.shown.setChecked(False)
        self.message.fail(error)


def _slider(value: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setValue(value)
    return slider
