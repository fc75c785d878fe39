"""Design of a study: pools, numbers, readers, and what so many can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.errors import StudyError, TumorSynthError
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.run_bar import RunBar
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.study.path_field import PathField
from napari_tumor_synth.widgets.study.plan_fields import PlanFields
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.study.making import MadeStudy
    from napari_tumor_synth.study.scale import Task

_TASKS: dict[str, Task] = {
    "One ROI: real or synthetic?": "single",
    "A pair: which one is synthetic?": "2afc",
}
_MAKE = "Write display copies under neutral names, an order for each reader, and the key."


class DesignForm(QWidget):
    """Makes a study in the background."""

    made = Signal(object)  # MadeStudy
    failed = Signal(object)  # TumorSynthError

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = Job(self)
        self.real = PathField(
            "Real cases", "Prepared cohort, on the grid of the synthetic ROIs.", "folder"
        )
        self.synthetic = PathField(
            "Synthetic ROIs",
            "Folder of one generator's samples; several are separated by semicolons.",
            "folder",
        )
        self.held_out = QCheckBox("Held-out patients only")
        self.held_out.setChecked(True)
        self.held_out.setToolTip(
            "Show patients of the validation and test splits, whom no generator was trained on."
        )
        self.task, self.readers = QComboBox(), QLineEdit("R1, R2, R3, R4, R5, R6")
        self.task.addItems(list(_TASKS))
        self.task.setToolTip("Six degrees of certainty in both tasks, none of them neutral.")
        self.task.setAccessibleName("Task")
        self.readers.setToolTip("A code for each reader, separated by commas; no names.")
        self.readers.setAccessibleName("Reader codes")
        self.cases, self.training = QSpinBox(), QSpinBox()
        self.cases.setRange(5, 2000)
        self.cases.setValue(60)
        self.cases.setToolTip("Real cases, and as many of each generator.")
        self.cases.setAccessibleName("Cases of each kind")
        self.training.setRange(0, 40)
        self.training.setValue(6)
        self.training.setToolTip("Cases with feedback to learn the task by; they never count.")
        self.training.setAccessibleName("Cases to learn by")
        self.out = PathField("Study folder", "New folder, to be given to readers.", "new")
        self.key = PathField(
            "Key file",
            "Tells real from synthetic: a place that readers have no access to.",
            "new",
            "beside the study folder",
        )
        self.plan = PlanFields()
        self.power = WrappedLabel()
        self.power.setAccessibleName("What so many readers and cases can show")
        self.run = RunBar(self.job, "Make study")
        self.run.button.setToolTip(_MAKE)
        self._lay_out()
        for changed in (
            self.cases.valueChanged, self.readers.textChanged, self.task.currentIndexChanged,
            self.synthetic.line.textChanged, self.plan.margin.valueChanged,
        ):  # fmt: skip
            changed.connect(lambda *_: self._tell_power())
        self.run.asked.connect(self.make)
        self.job.succeeded.connect(self.made)
        self.job.failed.connect(self.failed)
        self.job.ended.connect(lambda: self.run.button.setToolTip(_MAKE))
        self._tell_power()

    @property
    def codes(self) -> tuple[str, ...]:
        """Of the readers."""
        return tuple(code.strip() for code in self.readers.text().split(",") if code.strip())

    @property
    def folders(self) -> list[str]:
        """Of samples, one a generator."""
        return [text.strip() for text in self.synthetic.line.text().split(";") if text.strip()]

    def make(self) -> None:
        """Make the study that the form describes."""
        real, out = self.real.value, self.out.value
        folders = self.folders
        if real is None or out is None or not folders:
            self.failed.emit(
                StudyError(
                    "A study needs real cases, synthetic ROIs and a folder of its own.",
                    "Fill in the three fields.",
                )
            )
            return
        from napari_tumor_synth.workflows.study_new import (
            StudyRequest,
            design_from,
            new_study,
            parse_pool,
        )

        number = self.cases.value()
        try:
            design = design_from(
                None,
                {
                    "task": _TASKS[self.task.currentText()],
                    "readers": self.codes,
                    "real": number,
                    "synthetic": number,
                    "training": self.training.value(),
                    **self.plan.changes,
                },
            )
        except TumorSynthError as error:
            self.failed.emit(error)
            return
        request = StudyRequest(
            design,
            real,
            tuple(parse_pool(str(Path(text).expanduser())) for text in folders),
            out,
            key=self.key.value,
            splits=("validation", "test") if self.held_out.isChecked() else (),
        )

        def work(on_progress: OnProgress) -> MadeStudy:
            return new_study(request, on_progress)

        self.job.start(work)

    def close_jobs(self) -> None:
        """Stop making a study; nothing is left of it."""
        self.job.close()

    def _tell_power(self) -> None:
        from napari_tumor_synth.workflows.study_power import design_lines

        task = _TASKS[self.task.currentText()]
        answers = self.cases.value() * (1 if task == "2afc" else 2)  # half of them to real cases
        margin = self.plan.margin.value() / 100
        lines = design_lines(answers, max(1, len(self.codes)), margin, task)
        of_each = ["Of each generator:"] if len(self.folders) > 1 else []
        self.power.setText(" ".join([*of_each, *lines]))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Real", self.real)
        form.addRow("", self.held_out)
        form.addRow("Synthetic", self.synthetic)
        form.addRow("Task", self.task)
        form.addRow("Readers", self.readers)
        form.addRow("Cases", self.cases)
        form.addRow("To learn by", self.training)
        form.addRow("Folder", self.out)
        form.addRow("Key", self.key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        how = Section("How it is read", self.plan)
        how.toggleButton().setToolTip("Time limit, repeats, breaks, and what readers are told.")
        layout.addWidget(how)
        layout.addWidget(self.power)
        layout.addWidget(self.run)
