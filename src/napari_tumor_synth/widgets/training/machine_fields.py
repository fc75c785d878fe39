"""How a training uses the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from napari_tumor_synth.widgets.training.settled_wheel import SettledWheel

if TYPE_CHECKING:
    from napari_tumor_synth.training.machine import MachineSettings

_MOST_ROIS = 1024
_MOST_STEPS = 1_000_000
_A_DAY = 1440.0
_NARROWEST = 60  # pixels; or the longest value would widen the dock
_WAYS = {"where needed": "auto", "always": "on", "never": "off"}


class MachineFields(QWidget):
    """Nothing here changes what is learnt, but for models with batch norm."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.micro_batch, self.recompute = QSpinBox(), QComboBox()
        self.save_minutes, self.review_steps = QDoubleSpinBox(), QSpinBox()
        self.micro_batch.setRange(0, _MOST_ROIS)
        self.micro_batch.setSpecialValueText("what fits")
        self.micro_batch.setToolTip("ROIs at a time in memory; a step's batch is cut into such.")
        self.recompute.addItems(list(_WAYS))
        self.recompute.setToolTip("Compute activations again: less memory, more time.")
        self.save_minutes.setRange(0.1, _A_DAY)
        self.save_minutes.setDecimals(1)
        self.save_minutes.setValue(10)
        self.save_minutes.setSuffix(" min")
        self.save_minutes.setToolTip("Minutes between states that a run can be resumed from.")
        self.review_steps.setRange(1, _MOST_STEPS)
        self.review_steps.setValue(500)
        self.review_steps.setSuffix(" steps")
        self.review_steps.setToolTip("Steps between looks at held-out ROIs, with new previews.")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Micro-batch", self.micro_batch)
        form.addRow("Recompute", self.recompute)
        form.addRow("Save every", self.save_minutes)
        form.addRow("Review every", self.review_steps)
        fields = (self.micro_batch, self.recompute, self.save_minutes, self.review_steps)
        SettledWheel(self).guard(*fields)
        for field in fields:
            field.setMinimumWidth(_NARROWEST)
        self.micro_batch.valueChanged.connect(lambda ignored: self.changed.emit())
        self.recompute.currentIndexChanged.connect(lambda ignored: self.changed.emit())

    def settings(self, device: str) -> MachineSettings:
        """Return what is chosen, for a device."""
        from napari_tumor_synth.training.machine import MachineSettings

        return MachineSettings(
            device=device,
            micro_batch=self.micro_batch.value() or None,
            checkpoint_activations=_WAYS[self.recompute.currentText()],  # type: ignore[arg-type]
        )
