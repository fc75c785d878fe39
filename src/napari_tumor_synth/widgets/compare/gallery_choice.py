"""The gallery of real ROIs that is compared with: picked, opened, and told about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.compare.gallery_words import facts_of, for_the_panel
from napari_tumor_synth.widgets.compare.look_up import open_gallery
from napari_tumor_synth.widgets.dropping import DropWidget
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.preferences import preferences, remember_gallery
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.errors import TumorSynthError
    from napari_tumor_synth.evaluation.gallery import Gallery

_NONE = "No gallery is chosen. Open one, or build one from a cohort."


class GalleryChoice(DropWidget):
    """A folder and what it holds; one that cannot be opened leaves the gallery that is there."""

    opened = Signal(object)  # Gallery
    failed = Signal(object)  # TumorSynthError

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self.gallery: Gallery | None = None
        self._remembered = preferences().gallery_folder
        self.text, self.pick_button = QLineEdit(), QPushButton("Open…")
        self.text.setPlaceholderText("Folder of a gallery")
        self.text.setToolTip(
            "Folder of the real ROIs to compare with, as “Build a gallery” makes it; Enter opens."
        )
        self.text.setAccessibleName("Folder of the gallery")
        self.pick_button.setToolTip("Pick the folder of a gallery.")
        self.pick_button.setAccessibleName("Pick a gallery")
        self._facts = WrappedLabel(_NONE)
        row = QHBoxLayout()
        row.addWidget(self.text, 1)
        row.addWidget(self.pick_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._facts)
        self.text.returnPressed.connect(self._open_written)
        self.pick_button.clicked.connect(self._pick)
        self.job.succeeded.connect(self._on_opened)
        self.job.failed.connect(self._on_failed)

    @property
    def facts(self) -> str:
        """What is said of the gallery."""
        return self._facts.text()

    def open(self, folder: Path) -> None:
        """Open a gallery instead of the one that is there."""
        self._remembered = ""
        self._facts.setText("Opening the gallery…")
        self.job.start(lambda on_progress: open_gallery(folder))

    def open_remembered(self) -> None:
        """Open what was chosen last time, unless that was done."""
        if self._remembered:
            self.open(Path(self._remembered))

    def reopen_if_changed(self) -> bool:
        """Open the gallery again if it was built again since; tell whether."""
        gallery = self.gallery
        if gallery is None or not gallery.has_changed:
            return False
        if not self.job.is_running:
            self.open(gallery.folder)
        return True

    def close_jobs(self) -> None:
        """Stop opening; the panel is going away."""
        self.job.close()

    def take(self, paths: list[Path]) -> None:
        """Open what was dropped."""
        if paths:
            self.open(paths[0])

    def _on_opened(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._tell()
        remember_gallery(gallery.folder)
        self.opened.emit(gallery)

    def _on_failed(self, error: TumorSynthError) -> None:
        self._tell()
        self.failed.emit(for_the_panel(error))

    def _tell(self) -> None:
        self.text.setText("" if self.gallery is None else str(self.gallery.folder))
        self._facts.setText(_NONE if self.gallery is None else facts_of(self.gallery))

    def _open_written(self) -> None:
        if written := self.text.text().strip():
            self.open(Path(written).expanduser())

    def _pick(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of a gallery", self.text.text())
        if chosen:
            self.open(Path(chosen))
