"""The wheel scrolls the panel; it must not change the settings that it passes over."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QWidget


class SettledWheel(QObject):
    """Keeps the wheel from fields that do not have the keyboard.

    Parameters
    ----------
    around : QWidget
        Whose fields are guarded; this lives as long.
    """

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)

    def guard(self, *fields: QWidget) -> None:
        """Guard these fields."""
        for field in fields:
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel itself
            field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hand the wheel on to what scrolls."""
        is_field = isinstance(watched, QAbstractSpinBox | QComboBox)
        if event.type() == QEvent.Type.Wheel and is_field and not watched.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
