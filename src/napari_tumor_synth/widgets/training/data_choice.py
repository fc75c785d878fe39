"""What to learn from: a cohort, or a cache that was prepared from one."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.widgets.dropping import DropWidget
from napari_tumor_synth.widgets.words import WrappedLabel

_HINT = "Drop the folder of a cohort, or ROIs that were prepared, here."


class DataChoice(DropWidget):
    """Drop or pick a folder, or a table of cases."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value: Path | None = None
        self._hint = QLabel(_HINT)
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setStyleSheet("border: 1px dashed gray; border-radius: 4px; padding: 8px;")
        self._name = WrappedLabel()
        self._name.hide()
        self.folder_button, self.table_button = QPushButton("Folder…"), QPushButton("Table…")
        self.folder_button.setToolTip(
            "Pick the folder of a cohort, such as BraTS with HGG and LGG, or of prepared ROIs."
        )
        self.table_button.setToolTip("Pick a CSV table of cases with their classes.")
        self.folder_button.clicked.connect(self._pick_folder)
        self.table_button.clicked.connect(self._pick_table)
        buttons = QHBoxLayout()
        buttons.addWidget(self.folder_button)
        buttons.addWidget(self.table_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for label in (self._hint, self._name):
            layout.addWidget(label)
        layout.addLayout(buttons)

    def set_value(self, path: Path) -> None:
        """Learn from this."""
        self.value = path
        self._hint.hide()
        above = path.parent.name
        self._name.setText(f"Cohort: {above}/{path.name}" if above else f"Cohort: {path}")
        self._name.setToolTip(str(path))
        self._name.show()
        self.changed.emit()

    def take(self, paths: list[Path]) -> None:
        """Learn from what was dropped."""
        if paths:
            self.set_value(paths[0])

    def _pick_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Cohort, or prepared ROIs")
        if chosen:
            self.set_value(Path(chosen))

    def _pick_table(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Table of cases", "", "Tables (*.csv)")
        if chosen:
            self.set_value(Path(chosen))
