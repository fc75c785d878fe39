"""Second step: the ROI that generators work on, as a preview that lies over its parent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qdebounced

from napari_tumor_synth.errors import InputError, TumorSynthError
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.label_boxes import LabelBoxes
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.workflows.roi import save_roi

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry
    from napari_tumor_synth.imaging.roi_files import RoiFiles
    from napari_tumor_synth.widgets.session import Session
    from napari_tumor_synth.workflows.open_case import OpenCase

SIZES = (64, 96, 128)
_WAIT_MS = 150


class RoiPanel(QWidget):
    """Size, spacing and labels; the ROI follows at once."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._job = Job(self)
        self._cutting: OpenCase | None = None
        self._made: Roi | None = None
        self.size_choice = QComboBox()
        self.size_choice.addItems([f"{size}³ voxels" for size in SIZES])
        self.size_choice.setCurrentIndex(len(SIZES) - 1)
        self.size_choice.setToolTip("Edge of the box in voxels, the same along S, A and R.")
        self.as_model = QPushButton("As the model")
        self.as_model.setToolTip("Take size and spacing of the model that is chosen below.")
        self.as_model.clicked.connect(self._take_from_model)
        self.spacing = QDoubleSpinBox()
        self.spacing.setRange(0.1, 10)
        self.spacing.setSingleStep(0.5)
        self.spacing.setSuffix(" mm")
        self.spacing.setValue(1)
        self.spacing.setToolTip("Edge of a voxel of the ROI in mm.")
        self.labels = LabelBoxes("Label {label}, {name}, belongs to the tumour.")
        self._lost, self._window = QLabel(), QLabel()
        form = QFormLayout()
        form.addRow("Box", self.size_choice)
        form.addRow("Spacing", self.spacing)
        form.addRow("", self.as_model)
        form.addRow("Tumour", QLabel("all that is ticked"))
        form.addRow(self.labels)
        form.addRow("Outside the box", self._lost)
        form.addRow("Window", self._window)
        self.save_button = QPushButton("Save ROI…")
        self.save_button.setToolTip("Write image, mask and record as NIfTI and JSON.")
        self.save_button.clicked.connect(self._pick_folder)
        self.message = MessageBox()
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.save_button)
        layout.addWidget(self.message)

        self._cut_soon = qdebounced(self.cut, timeout=_WAIT_MS)
        self.size_choice.currentIndexChanged.connect(self._cut_soon)
        self.spacing.valueChanged.connect(self._cut_soon)
        self.labels.changed.connect(self._cut_soon)
        self._job.succeeded.connect(self._on_cut)
        self._job.failed.connect(self._on_failed)
        self._links = (
            (session.case_changed, self._on_case),
            (session.roi_changed, self._on_roi),
            (session.model_changed, self._on_model),
        )
        for signal, slot in self._links:
            signal.connect(slot)
        self._on_model(session.model)
        self._tell(session.roi)
        if session.case is not None:
            self._on_case(session.case)
            self._on_roi(session.roi)

    @property
    def settings(self) -> RoiSettings:
        """What is chosen; InputError when no label is."""
        edge = SIZES[self.size_choice.currentIndex()]
        chosen, others = self.labels.ticked, self.labels.unticked
        if others and not chosen:
            raise InputError("No label is chosen.", "Tick what belongs to the tumour.")
        labels = chosen if others else None
        return RoiSettings(size=(edge,) * 3, spacing_mm=self.spacing.value(), labels=labels)

    def cut(self) -> None:
        """Cut the ROI of the open case anew, if there is one."""
        if (case := self.session.case) is None:
            return
        self._cutting = case
        try:
            settings, sequence = self.settings, self.session.sequence
        except InputError as error:
            self._on_failed(error)
            return
        images = {sequence: case.images[sequence]}
        self._job.start(
            lambda on_progress: (case, extract_roi(images, case.segmentation, settings))
        )

    def save(self, folder: Path) -> RoiFiles | None:
        """Write the ROI; a sentence says why if that is not possible."""
        case, roi = self.session.case, self.session.roi
        if case is None or roi is None:
            self.message.fail(InputError("There is no ROI to save.", "Open a case first."))
            return None
        name = f"{case.case.name}_{self.session.sequence}"
        try:
            files = save_roi(roi, folder, name, simulated=case.simulated)
        except TumorSynthError as error:
            self.message.fail(error)
            return None
        self.message.note(f"Saved as {files.images[0].name} with its mask and record.")
        return files

    def close_jobs(self) -> None:
        """Stop cutting; the panel is going away."""
        self._job.close()
        for signal, slot in self._links:
            signal.disconnect(slot)

    def _on_case(self, case: OpenCase) -> None:
        self.labels.set_labels(case.labels)
        if self.session.claim_cut():
            self.cut()

    def _on_model(self, model: CatalogueEntry | None) -> None:
        fits = model is not None and len(set(model.grid)) == 1 and model.grid[0] in SIZES
        self.as_model.setEnabled(fits)

    def _take_from_model(self) -> None:
        if (model := self.session.model) is not None:
            self.size_choice.setCurrentIndex(SIZES.index(model.grid[0]))
            self.spacing.setValue(model.spacing_mm)

    def _on_cut(self, cut: tuple[OpenCase, Roi]) -> None:
        case, roi = cut
        if case is not self.session.case:  # another one was opened meanwhile
            return
        self._made = roi
        self._tell(roi)
        self.message.warn(roi.warnings)
        self.session.set_roi(roi)

    def _on_roi(self, roi: Roi | None) -> None:
        """Show how the ROI was cut, if another panel did it."""
        if roi is self._made:
            return
        self._tell(roi)
        if roi is not None and roi.shape[0] in SIZES:
            settings = roi.settings
            with QSignalBlocker(self.size_choice), QSignalBlocker(self.spacing):
                self.size_choice.setCurrentIndex(SIZES.index(roi.shape[0]))
                self.spacing.setValue(settings.spacing_mm)
            every = self.labels.labels
            self.labels.show_ticked(every if settings.labels is None else settings.labels)

    def _on_failed(self, error: TumorSynthError) -> None:
        if self._cutting is not self.session.case:
            return
        self._tell(None)
        self.message.fail(error)
        self.session.set_roi(None)

    def _tell(self, roi: Roi | None) -> None:
        self.save_button.setEnabled(roi is not None)
        self._lost.setText("" if roi is None else f"{roi.lost_fraction:.1%} of the tumour")
        window = "" if roi is None else f"{roi.windows[0].low:.4g} to {roi.windows[0].high:.4g}"
        self._window.setText(window)

    def _pick_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the ROI")
        if chosen:
            self.save(Path(chosen))
