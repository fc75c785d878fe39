"""A field for a file or folder, with a button to pick it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

Kind = Literal["folder", "file", "new"]


class PathField(QWidget):
    """What is typed or picked; nothing is looked at here.

    Parameters
    ----------
    name : str
        For those who do not see the form, and of the dialog.
    tip : str
    kind : {"folder", "file", "new"}
        Pick a folder or a file that is there, or name a new one.
    placeholder : str
    """

    changed = Signal()

    def __init__(self, name: str, tip: str, kind: Kind, placeholder: str = "") -> None:
        super().__init__()
        self._name, self._tip, self._kind = name, tip, kind
        self.line, self.button = QLineEdit(), QPushButton("…")
        self.line.setPlaceholderText(placeholder)
        self.line.setToolTip(tip)
        self.line.setAccessibleName(name)
        self.line.textChanged.connect(lambda: self.changed.emit())
        self.button.setFixedWidth(32)
        self.button.setToolTip(f"Pick: {name.lower()}.")
        self.button.setAccessibleName(f"Pick: {name.lower()}")
        self.button.clicked.connect(self._pick)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)

    @property
    def value(self) -> Path | None:
        """What is named, None if nothing is."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def set_value(self, path: Path) -> None:
        """Name this."""
        self.line.setText(str(path))
        self.line.setToolTip(f"{self._tip} {path}")

    def _pick(self) -> None:
        if self._kind == "folder":
            chosen = QFileDialog.getExistingDirectory(self, self._name)
        elif self._kind == "file":
            chosen, _ = QFileDialog.getOpenFileName(self, self._name)
        else:
            chosen, _ = QFileDialog.getSaveFileName(self, self._name)
        if chosen:
            self.line.setText(chosen)
