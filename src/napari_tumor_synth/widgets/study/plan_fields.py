"""How cases are read, and what readers are told: what most studies leave as it is."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from napari_tumor_synth.study.design import StudyDesign

_PERCENT = 100
_TEXT_HEIGHT = 72  # pixels


class PlanFields(QWidget):
    """Fields of a design beside its pools and numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        usual = StudyDesign()
        self.title = QLineEdit(usual.title)
        self.repeats, self.block_size, self.edge = QSpinBox(), QSpinBox(), QSpinBox()
        self.repeats.setRange(0, 30)
        self.repeats.setSuffix(" %")
        self.repeats.setValue(round(_PERCENT * usual.repeats))
        self.block_size.setRange(5, 500)
        self.block_size.setValue(usual.block_size)
        self.edge.setRange(0, 5)
        self.edge.setSuffix(" voxels")
        self.time_limit, self.margin = QSpinBox(), QDoubleSpinBox()
        self.time_limit.setRange(0, 3600)
        self.time_limit.setSuffix(" s")
        self.time_limit.setSpecialValueText("none")
        self.margin.setRange(1, 49)
        self.margin.setDecimals(1)
        self.margin.setSuffix(" %")
        self.margin.setValue(_PERCENT * usual.margin)
        self.allow_back, self.allow_3d = QCheckBox("Going back in a block"), QCheckBox("3D view")
        self.allow_3d.setChecked(usual.allow_3d)
        self.prevalence = _text("", "The true share of synthetic ROIs, unless you write otherwise.")
        self.information = _text(usual.information)
        self.consent = _text(usual.consent, "None is asked for.")
        self._lay_out()

    @property
    def changes(self) -> dict[str, Any]:
        """What they say, as fields of a `StudyDesign`."""
        return {
            "title": self.title.text().strip(),
            "edge_voxels": self.edge.value(),
            "repeats": self.repeats.value() / _PERCENT,
            "block_size": self.block_size.value(),
            "time_limit_s": self.time_limit.value() or None,
            "margin": self.margin.value() / _PERCENT,
            "allow_back": self.allow_back.isChecked(),
            "allow_3d": self.allow_3d.isChecked(),
            "prevalence": self.prevalence.toPlainText().strip() or None,
            "information": self.information.toPlainText().strip(),
            "consent": self.consent.toPlainText().strip(),
        }

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for name, field, does in (
            ("Title", self.title, "Of the reading window."),
            ("Repeats", self.repeats, "Share of cases that each reader sees a second time."),
            ("Break after", self.block_size, "Cases between two breaks."),
            ("Time limit", self.time_limit, "After which a case is hidden; it can be answered."),
            ("Edge off", self.edge, "Layers taken off every ROI's edge, which may give it away."),
            ("Margin", self.margin, "From 50 %, within which accuracy counts as guessing."),
            ("Allowed", self.allow_back, "Readers may go back within a block and revise."),
            ("", self.allow_3d, "Readers may ask for a 3D view."),
            ("Mixture", self.prevalence, "What readers are told of how many are synthetic."),
            ("Information", self.information, "What readers are told before they begin."),
            ("Consent", self.consent, "What readers agree to; empty asks for none."),
        ):
            field.setToolTip(does)
            field.setAccessibleName(name or field.text())
            form.addRow(name, field)


def _text(content: str, placeholder: str = "") -> QPlainTextEdit:
    field = QPlainTextEdit(content)
    field.setPlaceholderText(placeholder)
    field.setTabChangesFocus(True)
    field.setFixedHeight(_TEXT_HEIGHT)
    return field
