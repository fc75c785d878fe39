"""A box for numbers of any size, such as learning rates."""

from __future__ import annotations

from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QWidget

_DECIMALS = 12
_BEGINNINGS = ("", "-", "+", ".", "-.")


class FloatBox(QDoubleSpinBox):
    """Shows and takes 4.5e-06 as well as 0.5; steps are a tenth of what is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(_DECIMALS)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        """Write a number as short as it can be."""
        return f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """Read a number, with a comma or a dot."""
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Take what is, or may become, a number."""
        written = text.strip().lower().replace(",", ".")
        begun = written.rstrip("+-").removesuffix("e")  # 4.5e- may go on
        if written in _BEGINNINGS:
            return QValidator.State.Intermediate, text, position
        for candidate, state in (
            (written, QValidator.State.Acceptable),
            (begun, QValidator.State.Intermediate),
        ):
            try:
                number = float(candidate)
            except ValueError:
                continue
            if state == QValidator.State.Acceptable and not (
                self.minimum() <= number <= self.maximum()
            ):
                state = QValidator.State.Intermediate
            return state, text, position
        return QValidator.State.Invalid, text, position
