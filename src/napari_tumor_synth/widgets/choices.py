"""Small inputs of the Generate panel: class, seed, decoding."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QLargeIntSpinBox

from napari_tumor_synth.generators.seeds import MAX_SEED

SLIDER_SEEDS = 999


class ClassSlider(QWidget):
    """A slider whose ticks are the class names."""

    changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setTickInterval(1)
        self.slider.setPageStep(1)
        self.slider.setToolTip("Class of the tumour to generate.")
        self.slider.valueChanged.connect(lambda index: self.changed.emit(self.value))
        self._names = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider)
        layout.addLayout(self._names)

    @property
    def value(self) -> str:
        """The chosen class; "" before there are any."""
        return self._classes[self.slider.value()] if self._classes else ""

    def set_value(self, name: str) -> None:
        """Choose a class."""
        self.slider.setValue(self._classes.index(name))

    def set_classes(self, classes: tuple[str, ...]) -> None:
        """Offer these classes, in this order; a class that stays stays chosen."""
        before = self.value
        self._classes = classes
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(len(classes) - 1, 0))
            self.slider.setEnabled(len(classes) > 1)
            self.slider.setValue(classes.index(before) if before in classes else 0)
        while (item := self._names.takeAt(0)) is not None:
            if (label := item.widget()) is not None:
                label.deleteLater()
        for place, name in enumerate(classes):
            label = QLabel(name)
            label.setAlignment(_alignment(place, len(classes)))
            self._names.addWidget(label, 1)
        if self.value != before:
            self.changed.emit(self.value)


def _alignment(place: int, count: int) -> Qt.AlignmentFlag:
    if place == 0 and count > 1:
        return Qt.AlignmentFlag.AlignLeft
    return Qt.AlignmentFlag.AlignRight if place == count - 1 > 0 else Qt.AlignmentFlag.AlignHCenter


class SeedChoice(QWidget):
    """A slider for the first thousand seeds, a box for all of them, and dice."""

    changed = Signal(object)  # int; Qt's own int has 31 bits

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_SEEDS)
        self.box = QLargeIntSpinBox()
        self.box.setRange(0, MAX_SEED)
        self.dice = QPushButton("⚄")
        self.dice.setFixedWidth(32)
        self.slider.setToolTip(f"Seed, 0 to {SLIDER_SEEDS}: the same seed gives the same tumour.")
        self.box.setToolTip(f"Seed, 0 to {MAX_SEED}: the same seed gives the same tumour.")
        self.dice.setToolTip("Take a random seed.")
        above = QHBoxLayout()
        above.addWidget(self.box, 1)
        above.addWidget(self.dice)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(above)
        layout.addWidget(self.slider)
        self.slider.valueChanged.connect(self.box.setValue)
        self.box.valueChanged.connect(self._on_box)
        self.dice.clicked.connect(lambda: self.set_value(random.randint(0, SLIDER_SEEDS)))

    @property
    def value(self) -> int:
        """The seed."""
        return int(self.box.value())

    def set_value(self, seed: int) -> None:
        """Choose a seed."""
        self.box.setValue(seed)

    def _on_box(self, seed: int) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(min(int(seed), SLIDER_SEEDS))
        self.changed.emit(int(seed))


class DecodingOptions(QWidget):
    """How tokens are drawn; at first as the model's own settings say."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own: dict[str, object] = {}
        self.temperature, self.top_p = QDoubleSpinBox(), QDoubleSpinBox()
        self.top_k, self.steps = QSpinBox(), QSpinBox()
        self.temperature.setRange(0.05, 10)
        self.temperature.setSingleStep(0.05)
        self.temperature.setToolTip("Below 1: more typical and less varied tumours.")
        self.top_p.setRange(0.01, 1)
        self.top_p.setSingleStep(0.01)
        self.top_p.setToolTip("Draw among the likeliest codes that together hold this probability.")
        self.top_k.setRange(0, 65536)
        self.top_k.setSpecialValueText("all")
        self.top_k.setToolTip("Draw among this many of the likeliest codes.")
        self.steps.setRange(1, 64)
        self.steps.setToolTip("Rounds of a model with parallel decoding.")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for name, box in self._boxes().items():
            form.addRow(name, box)
            box.valueChanged.connect(lambda value: self.changed.emit())
        self.set_own({})

    def set_own(self, settings: Mapping[str, Any]) -> None:
        """Show a model's own settings; those it does not name are of the learned distribution."""
        with ExitStack() as silence:
            for box in self._boxes().values():
                silence.enter_context(QSignalBlocker(box))
            self.temperature.setValue(settings.get("temperature", 1))
            self.top_p.setValue(settings.get("top_p", 1))
            self.top_k.setValue(settings.get("top_k") or 0)
            self.steps.setValue(settings.get("steps", 12))
        self._own = self._shown()

    @property
    def changes(self) -> dict[str, object]:
        """What differs from the model's own settings, by the names of `DecodingSettings`."""
        return {name: value for name, value in self._shown().items() if value != self._own[name]}

    def _shown(self) -> dict[str, object]:
        return {
            "temperature": round(self.temperature.value(), 4),
            "top_p": round(self.top_p.value(), 4),
            "top_k": self.top_k.value() or None,
            "steps": self.steps.value(),
        }

    def _boxes(self) -> dict[str, QSpinBox | QDoubleSpinBox]:
        return {
            "Temperature": self.temperature,
            "Top-k": self.top_k,
            "Top-p": self.top_p,
            "Rounds": self.steps,
        }
