"""Start the reading window for one reader of a study."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QProcess, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from napari_tumor_synth.errors import StudyError, TumorSynthError
from napari_tumor_synth.widgets.study.path_field import PathField

_READ = "Open the reading window, in a program of its own; napari may be closed meanwhile."


class ReadForm(QWidget):
    """Which study, and who reads. The window is a process of its own, and outlives this one."""

    failed = Signal(object)  # TumorSynthError
    said = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.study = PathField("Study folder", "A study, as it was made or copied.", "folder")
        self.reader, self.button = QComboBox(), QPushButton("Read")
        self.reader.setToolTip("Code of the reader.")
        self.reader.setAccessibleName("Reader")
        self.button.setToolTip(_READ)
        self.study.changed.connect(self._on_study)
        self.button.clicked.connect(self.read)
        form = QFormLayout()
        form.addRow("Study", self.study)
        form.addRow("Reader", self.reader)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.button)
        self._on_study()

    def read(self) -> None:
        """Open the reading window."""
        from napari_tumor_synth.workflows.study_read import choose_reader, reading_command

        folder = self.study.value
        try:
            if folder is None:
                raise StudyError("No study is chosen.", "Pick the folder of a study.")
            reader = choose_reader(folder, self.reader.currentText() or None)
            program, *arguments = reading_command(folder, reader, tell=True)
        except TumorSynthError as error:
            self.failed.emit(error)
            return
        begun, _ = QProcess.startDetached(program, arguments)
        if begun:
            self.said.emit(f"The reading of {reader} opens in a window of its own.")
        else:
            self.failed.emit(StudyError("The reading window did not start.", "Try again."))

    def _on_study(self) -> None:
        codes = _readers_of(self.study.value)
        self.reader.clear()
        self.reader.addItems(codes)
        self.reader.setEnabled(bool(codes))
        self.button.setEnabled(bool(codes))


def _readers_of(folder: Path | None) -> list[str]:
    """Return the codes of a study's readers; none while its path is being typed."""
    from napari_tumor_synth.study.study_file import Study

    if folder is None or not folder.is_dir():
        return []
    try:
        return [plan.reader for plan in Study.open(folder).file.readers]
    except TumorSynthError:
        return []
