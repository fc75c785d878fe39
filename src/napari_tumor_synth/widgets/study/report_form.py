"""Unblind a study, and write its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFormLayout, QPushButton, QVBoxLayout, QWidget

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.run_bar import RunBar
from napari_tumor_synth.widgets.study.path_field import PathField

if TYPE_CHECKING:
    from pathlib import Path

    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.workflows.study_report import StudyReport

_REPORT = "Read all logs and the key, and write HTML, CSV and JSON. That it was done is recorded."


class ReportForm(QWidget):
    """Study, key, and a folder for the report."""

    failed = Signal(object)  # TumorSynthError
    said = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self._html: Path | None = None
        self.study = PathField("Study folder", "With the logs of all readers.", "folder")
        self.key = PathField("Key file", "The key that was written with this study.", "file")
        self.out = PathField("Report folder", "Not in the study folder.", "new")
        self.run, self.open_button = RunBar(self.job, "Report"), QPushButton("Open report")
        self.run.button.setToolTip(_REPORT)
        self.open_button.setToolTip("Open the report in the browser.")
        self.open_button.hide()
        self.run.asked.connect(self.report)
        self.open_button.clicked.connect(self._open)
        self.job.succeeded.connect(self._on_report)
        self.job.failed.connect(self.failed)
        self.job.ended.connect(lambda: self.run.button.setToolTip(_REPORT))
        form = QFormLayout()
        form.addRow("Study", self.study)
        form.addRow("Key", self.key)
        form.addRow("Report", self.out)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.run)
        layout.addWidget(self.open_button)

    def report(self) -> None:
        """Write the report."""
        study, key, out = self.study.value, self.key.value, self.out.value
        if study is None or key is None or out is None:
            self.failed.emit(
                StudyError(
                    "A report needs the study, its key and a folder.", "Fill in the three fields."
                )
            )
            return

        def work(on_progress: OnProgress) -> StudyReport:
            from napari_tumor_synth.workflows.study_report import report_on_study

            return report_on_study(study, key, out)

        self.job.start(work)

    def close_jobs(self) -> None:
        """Stop."""
        self.job.close()

    def _on_report(self, report: StudyReport) -> None:
        self._html = report.html
        self.open_button.show()
        self.said.emit(" ".join(report.lines[:2]))

    def _open(self) -> None:
        if self._html is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._html)))
