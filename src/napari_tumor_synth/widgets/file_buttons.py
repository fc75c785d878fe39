"""Ways to name what is to be opened."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.imaging.phantom.settings import CLASSES

_HINT = "Drop an MRI and its segmentation, a BraTS case, or a folder of cases here."
_IMAGES = "Images (*.nii *.nii.gz *.nrrd *.mha *.mhd);;Tables of cases (*.csv);;All files (*)"


class FileButtons(QWidget):
    """A hint where to drop files, and buttons to pick files, a folder or a simulated case."""

    picked = Signal(list)  # of Path
    sample_asked = Signal(str)  # class of a simulated case

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        hint = QLabel(_HINT)
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setStyleSheet("border: 1px dashed gray; border-radius: 4px; padding: 8px;")
        files, folder, simulated = (
            QPushButton("Files…"),
            QPushButton("Folder…"),
            QPushButton("Simulated"),
        )
        files.setToolTip("Pick an MRI and its segmentation, together or one after the other.")
        folder.setToolTip("Pick the folder of one case or of a cohort.")
        files.clicked.connect(self._pick_files)
        folder.clicked.connect(self._pick_folder)
        simulated.setStyleSheet("padding-right: 18px;")  # or the arrow of the menu lies on the word
        simulated.setToolTip("Open a simulated case, to try the program without a patient's data.")
        menu = QMenu(simulated)
        for class_name in CLASSES:
            menu.addAction(class_name, lambda name=class_name: self.sample_asked.emit(name))
        simulated.setMenu(menu)
        buttons = QHBoxLayout()
        for button in (files, folder, simulated):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(hint)
        layout.addLayout(buttons)

    def _pick_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "MRI and segmentation", "", _IMAGES)
        if chosen:
            self.picked.emit([Path(one) for one in chosen])

    def _pick_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Case or cohort")
        if chosen:
            self.picked.emit([Path(chosen)])
