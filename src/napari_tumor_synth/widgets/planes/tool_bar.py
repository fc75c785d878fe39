"""Buttons above the planes: sides of the 3D view, convention, window, ruler, help."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from napari_tumor_synth.widgets.planes.anatomy import VIEWS_3D, Convention
from napari_tumor_synth.widgets.planes.image_windows import NO_PRESET
from napari_tumor_synth.widgets.planes.window_level import PRESETS

_SIDES = {
    "A": "the front",
    "P": "the back",
    "L": "the patient's left",
    "R": "the patient's right",
    "S": "above",
    "I": "below",
}
_CHOOSE = (Qt.Key.Key_Up, Qt.Key.Key_Down)


class PlanesToolBar(QWidget):
    """Says what was asked for, and changes nothing itself."""

    side_asked = Signal(str)
    reset_asked = Signal()
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
        self.convention = _ChoiceList()
        self.convention.addItems(["radiological", "neurological"])
        self.convention.setCurrentText(convention)
        self.convention.setToolTip(
            "Radiological: the patient's right is on the left of the screen; neurological: on the "
            "right."
        )
        self.convention.currentTextChanged.connect(self.convention_changed)
        self.presets = _ChoiceList()
        self.presets.addItems([f"{preset.key}  {preset.name}" for preset in PRESETS])
        self.presets.setPlaceholderText("own window")
        self.presets.setCurrentIndex(NO_PRESET)
        self.presets.setToolTip("Window and level; drag with the right button for any other.")
        self.presets.activated.connect(self.preset_asked)
        self.ruler = _button("Ruler", "Measure in mm: drag in a pane (m).")
        self.ruler.setCheckable(True)
        self.ruler.toggled.connect(self.ruler_toggled)
        reset = _button("Reset", "Fit the image to the panes, in the window it came with (r).")
        reset.clicked.connect(lambda: self.reset_asked.emit())
        keys = _button("?", "Mouse and keys.")
        keys.clicked.connect(lambda: self.help_asked.emit())
        for widget in (self.convention, self.presets, self.ruler, reset, keys):
            layout.addWidget(widget)

    def show_preset(self, number: int) -> None:
        """Say which preset is shown; NO_PRESET for a window of the image's own or the mouse's."""
        self.presets.setCurrentIndex(number)


class _ChoiceList(QComboBox):
    """Keeps the keys that choose from it: shortcuts of the planes would take them."""

    def __init__(self) -> None:
        super().__init__()
        self.view().installEventFilter(self)

    def event(self, event: QEvent) -> bool:
        """Keep up and down."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in _CHOOSE:
            event.accept()
            return True
        return bool(super().event(event))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep all keys while the list is open."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
        return bool(super().eventFilter(watched, event))


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    return button
