"""A table of what is known: a name and its value in each row."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget


class Facts(QWidget):
    """Values wrap and can be copied.

    A grid, because Qt's form layout cuts words that begin to wrap when they are changed.

    Parameters
    ----------
    names : tuple of str
        What there is to know, from the top.
    """

    def __init__(self, names: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(names):
            value = self._values[name] = QLabel()
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(QLabel(name), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1)

    def __getitem__(self, name: str) -> str:
        return self._values[name].text()

    @property
    def is_known(self) -> bool:
        """Whether there is anything to show."""
        return any(value.text() for value in self._values.values())

    def tell(self, facts: Mapping[str, str]) -> None:
        """Show these values."""
        for name, text in facts.items():
            self._values[name].setText(text)
