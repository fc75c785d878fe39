"""Buttons above the planes: sides of the 3D view, convention, window, ruler, help."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from napari_tumor_synth.widgets.planes.anatomy import VIEWS_3D, Convention
from napari_tumor_synth.widgets.planes.window_level import PRESETS

_SIDES = {
    "A": "the front",
    "P": "the back",
    "L": "the patient's left",
    "R": "the patient's right",
    "S": "above",
    "I": "below",
}


class PlanesToolBar(QWidget):
    """Says what was asked for, and changes nothing itself."""

    side_asked = Signal(str)
    fit_asked = Signal()
    convention_changed = Signal(str)
    preset_asked = Signal(int)
    ruler_toggled = Signal(bool)
    help_asked = Signal()

    def __init__(self, convention: Convention, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        for side in VIEWS_3D:
            button = _button(side, f"Look at the 3D view from {_SIDES[side]}.")
            button.clicked.connect(lambda checked=False, side=side: self.side_asked.emit(side))
            layout.addWidget(button)
        layout.addStretch(1)
        self.convention = QComboBox()
        self.convention.addItems(["radiological", "neurological"])
        self.convention.setCurrentText(convention)
        self.convention.setToolTip(
            "Radiological: the patient's right is on the left of the screen; neurological: on the "
            "right."
        )
        self.convention.currentTextChanged.connect(self.convention_changed)
        self.presets = QComboBox()
        self.presets.addItems([f"{preset.key}  {preset.name}" for preset in PRESETS])
        self.presets.setToolTip("Window and level; drag with the right button for any other.")
        self.presets.activated.connect(self.preset_asked)
        self.ruler = _button("Ruler", "Measure in mm: drag in a pane (m).")
        self.ruler.setCheckable(True)
        self.ruler.toggled.connect(self.ruler_toggled)
        fit = _button("Fit", "Fit the image to the panes (r).")
        fit.clicked.connect(lambda: self.fit_asked.emit())
        keys = _button("?", "Mouse and keys.")
        keys.clicked.connect(lambda: self.help_asked.emit())
        for widget in (self.convention, self.presets, self.ruler, fit, keys):
            layout.addWidget(widget)


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    return button
