"""The main settings of a recipe as fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.training.setting_field import SettingField

if TYPE_CHECKING:
    from napari_tumor_synth.training.recipes.main_settings import MainSetting, Value


class RecipeFields(QWidget):
    """Built from what a recipe offers to change."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, SettingField] = {}
        self._empty = QLabel("Reading the recipe…")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._empty)

    @property
    def changes(self) -> dict[str, Value]:
        """What differs from the recipe, by dotted names."""
        return {name: field.value for name, field in self.fields.items() if field.is_changed}

    def clear(self) -> None:
        """Show nothing until the settings of another recipe are known."""
        for field in self.fields.values():
            self._column.removeWidget(field)
            field.setParent(None)
            field.deleteLater()
        self.fields = {}
        self._empty.show()

    def show_settings(self, settings: Sequence[MainSetting]) -> None:
        """Offer these settings, as the recipe has them."""
        self.clear()
        self._empty.hide()
        for setting in settings:
            field = self.fields[setting.name] = SettingField(setting)
            field.changed.connect(self.changed)
            self._column.addWidget(field)
