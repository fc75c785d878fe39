"""Where a new run is kept."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_tumor_synth.folders import user_runs_folder


class RunPlaceField(QWidget):
    """A name among the user's runs, or any folder; empty takes a name with the date."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = ""
        self.text, self._pick_button = QLineEdit(), QPushButton("…")
        self.text.setAccessibleName("Folder of the run")
        self._pick_button.setFixedWidth(32)
        self._pick_button.setToolTip("Pick an empty folder for the run.")
        self._pick_button.setAccessibleName("Pick a folder for the run")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self._pick_button)
        self.text.textChanged.connect(lambda ignored: self.changed.emit())
        self._pick_button.clicked.connect(self._pick)

    def suggest(self, recipe: str) -> None:
        """Say what a run of this recipe is called unless the user gives it a name."""
        self._recipe = recipe
        self.text.setPlaceholderText(f"{recipe}-<date>")
        self.text.setToolTip(
            f"Name of the run in {user_runs_folder()}, or a folder of your own. "
            "Empty: the recipe's name with date and time."
        )

    def folder(self, now: datetime) -> Path:
        """Return the folder for a run that begins now."""
        written = self.text.text().strip() or f"{self._recipe}-{now:%Y%m%d-%H%M%S}"
        return user_runs_folder() / Path(written).expanduser()  # an absolute one stays as it is

    def _pick(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the run")
        if chosen:
            self.text.setText(chosen)
