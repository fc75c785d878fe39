"""A gallery from a cohort: what to index, where to, and one button that builds and cancels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.widgets.compare.gallery_words import PATIENT_DATA, for_the_panel
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.run_bar import RunBar
from napari_tumor_synth.widgets.training.data_choice import DataChoice
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.imaging.region import RoiSettings
    from napari_tumor_synth.progress import OnProgress

SIZES = (64, 96, 128)
SEQUENCES = ("flair", "t1", "t1ce", "t2")
_BUILD = "Index all real ROIs of the cohort; a build that was stopped goes on where it was."


class BuildForm(QWidget):
    """Builds in the background; what is done stays when it is stopped."""

    built = Signal(object)  # Path of the gallery
    said = Signal(str)
    failed = Signal(object)  # TumorSynthError

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self.data = DataChoice()
        self.out, self.pick_button = QLineEdit(), QPushButton("…")
        self.out.setPlaceholderText("New folder")
        self.out.setToolTip("Folder of the gallery: new, empty, or one whose build was stopped.")
        self.out.setAccessibleName("Folder for the gallery")
        self.pick_button.setFixedWidth(32)
        self.pick_button.setToolTip("Pick the folder for the gallery.")
        self.pick_button.setAccessibleName("Pick a folder for the gallery")
        self.size_choice, self.spacing, self.sequence = QComboBox(), QDoubleSpinBox(), QComboBox()
        self.size_choice.addItems([f"{size}³ voxels" for size in SIZES])
        self.size_choice.setCurrentIndex(len(SIZES) - 1)
        self.size_choice.setAccessibleName("Box of the gallery's ROIs")
        self.size_choice.setToolTip(
            "Edge of the box in voxels: that of the ROIs to be compared. Prepared ROIs keep theirs."
        )
        self.spacing.setDecimals(4)
        self.spacing.setRange(0.1, 10)
        self.spacing.setSingleStep(0.5)
        self.spacing.setSuffix(" mm")
        self.spacing.setValue(1)
        self.spacing.setAccessibleName("Spacing of the gallery's ROIs")
        self.spacing.setToolTip("Edge of a voxel in mm: that of the ROIs to be compared.")
        self.sequence.addItems([name.upper() for name in SEQUENCES])
        self.sequence.setAccessibleName("Sequence of the gallery")
        self.sequence.setToolTip("Sequence that is compared: that of the ROIs to be looked up.")
        self.transforms = QCheckBox("Calibrate transformed")
        self.transforms.setToolTip(
            "Find out which similarity is usual when ROIs are mirrored, turned and shifted as "
            "well, so that such copies get a verdict; takes some seconds an ROI."
        )
        self.run = RunBar(self.job, "Build")
        self.run.button.setToolTip(_BUILD)
        self._lay_out()

        self.data.changed.connect(self._on_data)
        self.pick_button.clicked.connect(self._pick)
        self.run.asked.connect(self.build)
        self.job.succeeded.connect(self._on_built)
        self.job.failed.connect(lambda error: self.failed.emit(for_the_panel(error)))
        self.job.cancelled.connect(lambda: self.said.emit("Stopped; “Build” goes on where it was."))
        self.job.ended.connect(lambda: self.run.button.setToolTip(_BUILD))

    @property
    def is_prepared(self) -> bool:
        """Whether the cohort's ROIs were cut already."""
        from napari_tumor_synth.imaging.cache_manifest import MANIFEST

        return self.data.value is not None and (self.data.value / MANIFEST).is_file()

    def suggest(self, size: int, spacing_mm: float, sequence: str) -> None:
        """Cut as ROIs like these are, unless the user has begun to fill in the form."""
        if self.data.value is not None or self.job.is_running:
            return
        if size in SIZES:
            with QSignalBlocker(self.size_choice), QSignalBlocker(self.spacing):
                self.size_choice.setCurrentIndex(SIZES.index(size))
                self.spacing.setValue(spacing_mm)
        if sequence in SEQUENCES:
            self.sequence.setCurrentIndex(SEQUENCES.index(sequence))

    def build(self) -> None:
        """Build what the form says, or say what is missing."""
        cohort, written = self.data.value, self.out.text().strip()
        if cohort is None or not written:
            missing = "cohort" if cohort is None else "folder for the gallery"
            self.failed.emit(InputError(f"No {missing} is chosen.", "Pick one first."))
            return
        out, transforms = Path(written).expanduser(), self.transforms.isChecked()
        settings = None if self.is_prepared else self._settings()
        sequences = None if self.is_prepared else (SEQUENCES[self.sequence.currentIndex()],)

        def work(on_progress: OnProgress) -> Gallery:
            from napari_tumor_synth.workflows.gallery import build_gallery_of

            return build_gallery_of(
                cohort,
                out,
                settings=settings,
                sequences=sequences,
                transforms=transforms,
                on_progress=on_progress,
            )

        self.said.emit("")
        self.job.start(work)

    def close_jobs(self) -> None:
        """Stop building; what is done stays."""
        self.job.close()

    def _settings(self) -> RoiSettings:
        from napari_tumor_synth.imaging.region import RoiSettings

        edge = SIZES[self.size_choice.currentIndex()]
        return RoiSettings(size=(edge, edge, edge), spacing_mm=self.spacing.value())

    def _on_data(self) -> None:
        for widget in (self.size_choice, self.spacing, self.sequence):
            widget.setEnabled(not self.is_prepared)

    def _on_built(self, gallery: Gallery) -> None:
        self.built.emit(gallery.folder)

    def _pick(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the gallery")
        if chosen:
            self.out.setText(chosen)

    def _lay_out(self) -> None:
        out = QHBoxLayout()
        out.addWidget(self.out, 1)
        out.addWidget(self.pick_button)
        form = QFormLayout()
        form.addRow("Folder", out)
        form.addRow("Box", self.size_choice)
        form.addRow("Spacing", self.spacing)
        form.addRow("Sequence", self.sequence)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.data)
        layout.addLayout(form)
        layout.addWidget(self.transforms)
        layout.addWidget(WrappedLabel(PATIENT_DATA))
        layout.addWidget(self.run)
