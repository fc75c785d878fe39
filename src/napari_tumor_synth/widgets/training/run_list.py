"""The runs that there are, with the state of each, below the entry for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from napari_tumor_synth.widgets.training.run_words import in_a_line

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from napari_tumor_synth.training.runs.status import RunSummary

_NEW = "New run"
_MOST_ROWS = 5
_FOLDER = Qt.ItemDataRole.UserRole


class RunList(QListWidget):
    """As high as its rows, up to a few; the wheel beyond its ends scrolls the panel."""

    chosen = Signal(object)  # Path of the run, or None for a new one

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("A new run, or one that is there: what it does, and how it went.")
        self.setAccessibleName("Runs")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.addItem(_NEW)
        self.setCurrentRow(0)
        self._fit()
        self.currentRowChanged.connect(lambda row: self.chosen.emit(self.folder))

    @property
    def folder(self) -> Path | None:
        """The chosen run; None for a new one."""
        item = self.currentItem()
        return None if item is None else item.data(_FOLDER)

    def choose(self, folder: Path | None) -> None:
        """Choose a run that is listed, or a new one."""
        for row in range(self.count()):
            if self.item(row).data(_FOLDER) == folder:
                self.setCurrentRow(row)
                return

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """List these; what is chosen stays chosen, and a row that did not change is not painted."""
        before = self.folder
        wanted = [None, *(run.folder for run in runs)]
        if [self.item(row).data(_FOLDER) for row in range(self.count())] != wanted:
            with QSignalBlocker(self):
                self.clear()
                self.addItem(_NEW)
                for run in runs:
                    added = QListWidgetItem()
                    added.setData(_FOLDER, run.folder)
                    self.addItem(added)
                self.setCurrentRow(wanted.index(before) if before in wanted else 0)
            self._fit()
            if before not in wanted:
                self.chosen.emit(None)
        for row, run in enumerate(runs, start=1):
            item, text = self.item(row), in_a_line(run)
            if item.text() != text:
                item.setText(text)
                item.setToolTip(f"{run.name or 'A run'} in {run.folder}")

    def _fit(self) -> None:
        heights = [self.sizeHintForRow(row) for row in range(min(self.count(), _MOST_ROWS))]
        self.setFixedHeight(sum(heights) + 2 * self.frameWidth() + 2)

    def showEvent(self, event: QShowEvent) -> None:
        """Take the height of rows in the window's style, known from now on."""
        super().showEvent(event)
        self._fit()
