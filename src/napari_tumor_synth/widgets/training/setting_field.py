"""One setting of a recipe as a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.widgets.training.float_box import FloatBox
from napari_tumor_synth.widgets.training.settled_wheel import SettledWheel
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.training.recipes.main_settings import MainSetting, Value

_LARGEST = 2**31 - 1
_LARGEST_FLOAT = 1e9
_NARROWEST = 60  # pixels; or long values of lists and texts would widen the dock


class SettingField(QWidget):
    """Name, value, and a button that goes back to the recipe's own value.

    Parameters
    ----------
    setting : MainSetting
    """

    changed = Signal()

    def __init__(self, setting: MainSetting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self.label, self.editor = WrappedLabel(setting.label), _editor(setting)
        own = "none" if setting.value == "" else setting.value
        self.editor.setToolTip(f"{setting.help}. In the recipe: {own}.")
        self.editor.setAccessibleName(setting.label)
        self.editor.setMinimumWidth(_NARROWEST)
        self.label.setToolTip(self.editor.toolTip())
        self.reset_button = QToolButton()
        self.reset_button.setText("↺")
        self.reset_button.setToolTip(f"Back to the recipe's own value, {own}.")
        self.reset_button.setAccessibleName(f"Reset {setting.label}")
        self.reset_button.clicked.connect(self.reset)
        SettledWheel(self).guard(self.editor)
        row = QHBoxLayout()
        row.addWidget(self.editor, 1)
        row.addWidget(self.reset_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.label)
        layout.addLayout(row)
        self._connect()
        self._mark()

    @property
    def value(self) -> Value:
        """What the field shows."""
        editor = self.editor
        if isinstance(editor, QCheckBox):
            return editor.isChecked()
        if isinstance(editor, QComboBox):
            return editor.currentData()
        if isinstance(editor, QLineEdit):
            return editor.text().strip()
        return float(f"{editor.value():.6g}") if isinstance(editor, FloatBox) else editor.value()

    @property
    def is_changed(self) -> bool:
        """Whether the value is not that of the recipe."""
        return self.value != self.setting.value

    def set_value(self, value: Value) -> None:
        """Show a value."""
        editor = self.editor
        if isinstance(editor, QCheckBox):
            editor.setChecked(bool(value))
        elif isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(value))
        elif isinstance(editor, QLineEdit):
            editor.setText(str(value))
        else:
            editor.setValue(value)

    def reset(self) -> None:
        """Go back to the recipe's own value."""
        self.set_value(self.setting.value)

    def _connect(self) -> None:
        editor = self.editor
        if isinstance(editor, QCheckBox):
            signal = editor.toggled
        elif isinstance(editor, QComboBox):
            signal = editor.currentIndexChanged
        else:
            signal = editor.textChanged
        signal.connect(self._on_edited)

    def _on_edited(self, ignored: object = None) -> None:
        self._mark()
        self.changed.emit()

    def _mark(self) -> None:
        """Tell a changed field by its name and its button, not by colour alone."""
        changed = self.is_changed
        self.label.setText(f"{self.setting.label}{' (changed)' if changed else ''}")
        font = self.label.font()
        font.setBold(changed)
        self.label.setFont(font)
        self.reset_button.setEnabled(changed)


def _editor(setting: MainSetting) -> QWidget:
    value = setting.value
    if isinstance(value, bool):
        check = QCheckBox()
        check.setChecked(value)
        return check
    if setting.choices:
        box = QComboBox()
        for choice in setting.choices:
            box.addItem(str(choice), choice)
        box.setCurrentIndex(box.findData(value))
        return box
    if isinstance(value, str):
        return QLineEdit(value)
    if isinstance(value, int):
        whole = QSpinBox()
        whole.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
        least, most = _limits(setting, _LARGEST)
        whole.setRange(int(least), int(most))
        whole.setValue(value)
        return whole
    number = FloatBox()
    number.setRange(*_limits(setting, _LARGEST_FLOAT))
    number.setValue(value)
    return number


def _limits(setting: MainSetting, largest: float) -> tuple[float, float]:
    least = -largest if setting.least is None else setting.least
    return least, largest if setting.most is None else setting.most
