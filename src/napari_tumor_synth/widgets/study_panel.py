"""Fifth step: whether ROIs are told from real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.study.design_form import DesignForm
from napari_tumor_synth.widgets.study.read_form import ReadForm
from napari_tumor_synth.widgets.study.report_form import ReportForm

if TYPE_CHECKING:
    from napari_tumor_synth.study.making import MadeStudy
    from napari_tumor_synth.widgets.session import Session


class StudyPanel(QWidget):
    """Design, reading and report of a visual Turing test, each folded.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.design, self.reading, self.report = DesignForm(), ReadForm(), ReportForm()
        self.message = MessageBox()
        self.sections = {
            "Design": Section("Design", self.design),
            "Read": Section("Read", self.reading),
            "Report": Section("Report", self.report),
        }
        layout = QVBoxLayout(self)
        for section in self.sections.values():
            layout.addWidget(section)
        layout.addWidget(self.message)
        for form in (self.design, self.reading, self.report):
            form.failed.connect(self.message.fail)
        for form in (self.reading, self.report):
            form.said.connect(self.message.note)
        for form in (self.design, self.report):
            form.job.started.connect(self.message.clear)
        self.design.made.connect(self._on_made)

    def close_jobs(self) -> None:
        """Stop what this panel does; reading windows go on."""
        self.design.close_jobs()
        self.report.close_jobs()

    def _on_made(self, made: MadeStudy) -> None:
        from napari_tumor_synth.workflows.study_new import lines_of

        self.reading.study.set_value(made.study.folder)
        self.report.study.set_value(made.study.folder)
        self.report.key.set_value(made.key)
        told = (*made.audit.warnings, *made.doubts)
        self.message.note("\n".join((*lines_of(made), *(f"⚠ {w}" for w in told))))
        self.sections["Design"].collapse(animate=False)
        self.sections["Read"].expand(animate=False)
