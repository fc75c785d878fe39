"""One place in a panel for what the user should know: a note, a warning, or what to do."""

from __future__ import annotations

from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QWidget

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.words import WrappedLabel

_MARK = {"note": "", "warning": "⚠ ", "error": "✖ "}


class MessageBox(QWidget):
    """A sentence, with a button to copy the details of a fault; hidden when there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = WrappedLabel()
        self._copy = QPushButton("Copy details")
        self._copy.setToolTip("Copy what the developers need to find the fault.")
        self._copy.clicked.connect(self._copy_details)
        self._details = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._copy)
        self.clear()

    @property
    def text(self) -> str:
        """What is said, "" for nothing."""
        return self._label.text()

    def clear(self) -> None:
        """Say nothing."""
        self._say("", "note")

    def note(self, text: str) -> None:
        """Say something."""
        self._say(text, "note")

    def warn(self, sentences: tuple[str, ...] | list[str]) -> None:
        """Say what is doubtful, a line each; nothing for none."""
        self._say("\n".join(f"{_MARK['warning']}{one}" for one in sentences), "note")

    def fail(self, error: TumorSynthError) -> None:
        """Say what went wrong and what to do."""
        self._say(str(error), "error")
        self._details = getattr(error, "details", "")
        self._copy.setVisible(bool(self._details))

    def _say(self, text: str, kind: str) -> None:
        self._details = ""
        self._copy.hide()
        self._label.setText(_MARK[kind] + text if text else "")
        self.setVisible(bool(text))

    def _copy_details(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._details)
