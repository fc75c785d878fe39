"""Which recipe, and what it is in a line."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.training.settled_wheel import SettledWheel
from napari_tumor_synth.widgets.words import WrappedLabel
from napari_tumor_synth.workflows.recipe_titles import description_in, recipe_titles

_FIRST = "vqgan-cond-small"
_OWN = "Other file…"


class RecipeChoice(QWidget):
    """The recipes of the package, and files of the user's own.

    Attributes
    ----------
    about : WrappedLabel
        What the chosen one is; to be laid out where there is room for it.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list, self.about = QComboBox(), WrappedLabel()
        self.list.setToolTip("What is trained, and how: a recipe of the package, or a TOML file.")
        self.list.setAccessibleName("Recipe")
        for title in recipe_titles():
            self.list.addItem(title.name, title.name)
            about, place = title.description, self.list.count() - 1
            self.list.setItemData(place, about, Qt.ItemDataRole.ToolTipRole)
        self.list.addItem(_OWN, None)
        self._chosen = max(self.list.findData(_FIRST), 0)
        self.list.setCurrentIndex(self._chosen)
        SettledWheel(self).guard(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        self._tell()
        self.list.currentIndexChanged.connect(self._on_chosen)

    @property
    def value(self) -> str | Path:
        """Name or file of the recipe."""
        return self.list.itemData(self._chosen)

    def set_value(self, recipe: str | Path) -> None:
        """Choose a recipe by its name, or a file."""
        if (place := self.list.findData(recipe)) < 0:
            place = self.list.count() - 1
            with QSignalBlocker(self.list):
                self.list.insertItem(place, Path(recipe).stem, recipe)
                about = description_in(Path(recipe)) or f"Your own file {Path(recipe).name}"
                self.list.setItemData(place, about, Qt.ItemDataRole.ToolTipRole)
                self.list.setCurrentIndex(self._chosen)
        self.list.setCurrentIndex(place)

    def _on_chosen(self, place: int) -> None:
        if self.list.itemData(place) is None:
            self._pick_file()
        elif place != self._chosen:
            self._chosen = place
            self._tell()
            self.changed.emit()

    def _pick_file(self) -> None:
        with QSignalBlocker(self.list):
            self.list.setCurrentIndex(self._chosen)
        chosen, _ = QFileDialog.getOpenFileName(self, "Recipe", "", "Recipes (*.toml)")
        if chosen:
            self.set_value(Path(chosen))

    def _tell(self) -> None:
        self.about.setText(self.list.itemData(self._chosen, Qt.ItemDataRole.ToolTipRole) or "")
