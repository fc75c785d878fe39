"""Curves of a run, with a choice of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.training.curve_canvas import CurveCanvas
from napari_tumor_synth.widgets.training.curve_groups import axes_of, groups_of, stages_of
from napari_tumor_synth.widgets.training.settled_wheel import SettledWheel

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.training.curve_groups import Curve


class CurveView(QWidget):
    """Shows the newest stage until another is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: Mapping[tuple[str, str], Curve] = {}
        self._chosen_stage = ""
        self.group, self.stage, self.log = QComboBox(), QComboBox(), QCheckBox("Log scale")
        self.canvas = CurveCanvas()
        self._none = QLabel("No curves yet: the first points come after 20 steps.")
        self._none.setWordWrap(True)
        self.group.setToolTip("Which curves: losses, codes in use, held-out ROIs, discriminator.")
        self.stage.setToolTip("Of which stage of the training.")
        self.log.setToolTip("Scale the values by their logarithm; zero and below are left out.")
        self.group.setAccessibleName("Curves")
        self.stage.setAccessibleName("Stage of the curves")
        SettledWheel(self).guard(self.group, self.stage)
        self._choices = QWidget()
        row = QGridLayout(self._choices)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.group, 0, 0)
        row.addWidget(self.stage, 0, 1)
        row.addWidget(self.log, 1, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._choices)
        layout.addWidget(self._none)
        layout.addWidget(self.canvas)
        self.group.currentIndexChanged.connect(lambda ignored: self._show())
        self.stage.activated.connect(self._on_stage)
        self.log.toggled.connect(lambda ignored: self._show())
        self.clear()

    def clear(self) -> None:
        """Show nothing, before another run is shown."""
        self._chosen_stage = ""
        self._curves = {}
        self.stage.clear()
        self._offer_groups()

    def show_curves(self, curves: Mapping[tuple[str, str], Curve], stages: Sequence[str]) -> None:
        """Show the curves of a run, whose stages have this order."""
        if curves is self._curves:
            return
        self._curves = curves
        there = stages_of(curves, stages)
        if [self.stage.itemText(place) for place in range(self.stage.count())] != there:
            with QSignalBlocker(self.stage):
                self.stage.clear()
                self.stage.addItems(there)
                self.stage.setCurrentIndex(len(there) - 1)
                if self._chosen_stage in there:
                    self.stage.setCurrentText(self._chosen_stage)
        self._offer_groups()

    def _on_stage(self, place: int) -> None:
        self._chosen_stage = self.stage.itemText(place)
        self._offer_groups()

    def _of_stage(self) -> dict[str, Curve]:
        stage = self.stage.currentText()
        return {name: curve for (of, name), curve in self._curves.items() if of == stage}

    def _offer_groups(self) -> None:
        """List the groups that this stage has; the chosen one stays chosen."""
        there, before = groups_of(self._of_stage()), self.group.currentText()
        if [self.group.itemText(place) for place in range(self.group.count())] != there:
            with QSignalBlocker(self.group):
                self.group.clear()
                self.group.addItems(there)
                self.group.setCurrentText(before)
        self._choices.setVisible(bool(there))
        self._none.setVisible(not there)
        self.canvas.setVisible(bool(there))
        self._show()

    def _show(self) -> None:
        curves = self._of_stage()
        axes = axes_of(curves, self.group.currentText())
        self.canvas.show_curves(axes, curves, log=self.log.isChecked())
