"""Buttons above two compared images: how they are shown, and of which sequence."""

from __future__ import annotations

from typing import Literal, get_args

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QWidget,
)

Mode = Literal["side", "swipe", "difference"]
MODES: tuple[Mode, ...] = get_args(Mode)
MODE_KEYS: dict[Mode, str] = {"side": "s", "swipe": "w", "difference": "d"}
_WORDS: dict[Mode, tuple[str, str]] = {
    "side": ("Side by side", "Both beside each other, with one crosshair"),
    "swipe": ("Swipe", "One over the other, up to a line that you drag"),
    "difference": ("Difference", "The selected ROI minus the real one, in colours"),
}


class CompareToolBar(QWidget):
    """Says what was asked for, and changes nothing itself."""

    mode_changed = Signal(str)
    absolute_changed = Signal(bool)
    sequence_changed = Signal(int)
    ruler_toggled = Signal(bool)
    reset_asked = Signal()
    help_asked = Signal()
    close_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        self.modes: dict[Mode, QPushButton] = {}
        self._group = QButtonGroup(self)
        for mode, (words, tip) in _WORDS.items():
            button = self.modes[mode] = QPushButton(words)  # shows that it is pressed
            button.setToolTip(f"{tip} ({MODE_KEYS[mode]}).")
            button.setCheckable(True)
            button.clicked.connect(lambda checked=False, mode=mode: self.mode_changed.emit(mode))
            self._group.addButton(button)
            layout.addWidget(button)
        self.modes["side"].setChecked(True)
        self.absolute = QCheckBox("absolute")
        self.absolute.setToolTip("How much the images differ, whichever of them is brighter.")
        self.absolute.setAccessibleName("Absolute difference")
        self.absolute.toggled.connect(self.absolute_changed)
        self.sequence = QComboBox()
        self.sequence.setToolTip("Sequence that is shown.")
        self.sequence.setAccessibleName("Sequence")
        self.sequence.currentIndexChanged.connect(self.sequence_changed)
        layout.addWidget(self.absolute)
        layout.addWidget(self.sequence)
        layout.addStretch(1)
        self.ruler = _button("Ruler", "Measure in mm: drag in a pane (m).")
        self.ruler.setCheckable(True)
        self.ruler.toggled.connect(self.ruler_toggled)
        reset = _button("Reset", "Fit the images to the panes, in their whole window (r).")
        reset.clicked.connect(lambda: self.reset_asked.emit())
        keys = _button("?", "Mouse and keys.")
        keys.setAccessibleName("Mouse and keys")
        keys.clicked.connect(lambda: self.help_asked.emit())
        self.close_button = _button("Close", "Close the comparison: the real ROI goes.")
        self.close_button.clicked.connect(lambda: self.close_asked.emit())
        for widget in (self.ruler, reset, keys, self.close_button):
            layout.addWidget(widget)
        self.show_mode("side")
        self.set_sequences(())

    def show_mode(self, mode: Mode) -> None:
        """Say how the images are shown."""
        self.modes[mode].setChecked(True)
        self.absolute.setVisible(mode == "difference")

    def set_sequences(self, names: tuple[str, ...], chosen: int = 0) -> None:
        """Offer these; nothing is offered where there is no choice."""
        with QSignalBlocker(self.sequence):
            self.sequence.clear()
            self.sequence.addItems([name.upper() for name in names])
            self.sequence.setCurrentIndex(chosen)
        self.sequence.setVisible(len(names) > 1)


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    return button
