"""First step: an MRI and its segmentation, or one case of a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.errors import InputError, OutputError
from napari_tumor_synth.folders import cache_folder
from napari_tumor_synth.imaging.case import Case
from napari_tumor_synth.imaging.measure import LesionSize, measure_lesion
from napari_tumor_synth.widgets.case_facts import FACTS, facts_of_case
from napari_tumor_synth.widgets.dropping import DropWidget
from napari_tumor_synth.widgets.facts import Facts
from napari_tumor_synth.widgets.file_buttons import FileButtons
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.preferences import preferences
from napari_tumor_synth.widgets.segmentation_view import SegmentationView
from napari_tumor_synth.workflows.case_files import FoundFiles, find_files, pair_up
from napari_tumor_synth.workflows.open_case import OpenCase, case_of_files, open_case

if TYPE_CHECKING:
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.widgets.session import Session

_OTHER_CACHE = "Choose another cache folder in napari's preferences, under Tumor Synth."
_SLOW_MS = 300  # of reading, before it is said: saying it paints the window
_SCROLL_BAR = 24  # pixels
_FIRST = ("flair", "t1ce", "t2", "t1")


class CasePanel(DropWidget):
    """Drop or pick files; choose the case of a cohort and the sequence; read what it is."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._find, self._open = Job(self), Job(self)
        self._opened: OpenCase | None = None
        self._image: Path | None = None
        self._segmentation: Path | None = None
        self._cases: tuple[Case, ...] = ()

        files = FileButtons()
        files.picked.connect(self.load)
        files.sample_asked.connect(self.load_sample)
        self.case_choice, self.sequence_choice = QComboBox(), QComboBox()
        self.case_choice.setToolTip("Cases of the cohort, by name; the class stands behind it.")
        self.sequence_choice.setToolTip("The MR sequence that is shown and cut.")
        self.case_choice.activated.connect(self._open_chosen)
        self.sequence_choice.activated.connect(self._open_chosen)
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self.case_choice.setAccessibleName("Case")
        self._form.addRow(self.case_choice)  # names are long: all the width is theirs
        self._form.addRow("Sequence", self.sequence_choice)
        self.facts = Facts(FACTS)
        self.segmentation = SegmentationView()
        self.segmentation.changed.connect(session.segmentation_look_changed)
        self.message = MessageBox()
        layout = QVBoxLayout(self)
        layout.addWidget(files)
        layout.addLayout(self._form)
        layout.addWidget(self.facts)
        layout.addWidget(self.segmentation)
        layout.addWidget(self.message)
        self._show_rows(case=False)

        self._links = (
            (session.case_changed, self._on_case),
            (session.segmentation_look_changed, self.segmentation.show_look),
        )
        for signal, slot in self._links:
            signal.connect(slot)
        if session.case is not None:
            self._on_case(session.case)

        self._find.succeeded.connect(self._on_found)
        self._open.succeeded.connect(self._on_opened)
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.timeout.connect(lambda: self.message.note("Reading…"))
        for job in (self._find, self._open):
            job.started.connect(lambda: self._slow.start(_SLOW_MS))
            job.ended.connect(self._slow.stop)
            job.failed.connect(self.message.fail)

    def load(self, paths: list[Path]) -> None:
        """Open what was dropped or picked; a sentence says why if it cannot be opened."""
        before = self._image if self._segmentation is None else None

        def work(on_progress: OnProgress) -> FoundFiles:
            found = find_files(paths)
            one_more = not found.cases and found.segmentation is None
            if before is not None and found.image is not None and one_more:
                return pair_up(before, found.image)
            return found

        self._find.start(work)

    def load_sample(self, class_name: str) -> None:
        """Open a simulated case of a class."""
        cache = cache_folder(preferences().cache_folder)

        def work(on_progress: OnProgress) -> FoundFiles:
            from napari_tumor_synth.workflows.sample_cases import sample_case

            try:
                return FoundFiles((sample_case(class_name, cache, on_progress=on_progress),))
            except OutputError as error:
                raise OutputError(error.problem, _OTHER_CACHE) from error

        self._find.start(work)

    def take(self, paths: list[Path]) -> None:
        """Open dropped files."""
        if paths:
            self.load(paths)
        else:
            self.message.fail(
                InputError("That is no file of this computer.", "Download it, and drop the file.")
            )

    def close_jobs(self) -> None:
        """Stop reading; the panel is going away."""
        self._find.close()
        self._open.close()
        for signal, slot in self._links:
            signal.disconnect(slot)

    def _on_found(self, found: FoundFiles) -> None:
        if not found.cases:
            self._take_loose(found)
            return
        self._image = self._segmentation = None
        self._cases = found.cases
        self._list_cases()
        self._list_sequences(found.chosen)
        self.message.warn(found.notes)
        if len(found.cases) == 1:
            self._open_chosen()
        else:
            self.case_choice.setCurrentIndex(-1)
            self._show_rows(case=True)
            self.message.note(f"{len(found.cases)} cases found. Choose one.")

    def _take_loose(self, found: FoundFiles) -> None:
        self._image = found.image or self._image
        self._segmentation = found.segmentation or self._segmentation
        if self._image is None:
            self.message.note(f"{found.segmentation} is the segmentation. Now give the MRI.")
        elif self._segmentation is None:
            self.message.note(f"{self._image.name} is the MRI. Now give its segmentation.")
        else:
            case = case_of_files(self._image, self._segmentation)
            self._image = self._segmentation = None
            self._on_found(FoundFiles((case,)))

    def _list_cases(self) -> None:
        names = [f"{case.name} ({case.class_name})" for case in self._cases]
        self.case_choice.clear()
        self.case_choice.addItems(names)
        for place, name in enumerate(names):
            self.case_choice.setItemData(place, name, Qt.ItemDataRole.ToolTipRole)
        popup = self.case_choice.view()
        assert popup is not None
        popup.setMinimumWidth(popup.sizeHintForColumn(0) + _SCROLL_BAR)  # wider than the panel

    def _list_sequences(self, chosen: str = "") -> None:
        case = self._chosen_case()
        wanted = chosen or self.sequence_choice.currentText()
        self.sequence_choice.clear()
        if case is None:
            return
        names = [name for name in _FIRST if name in case.sequences]
        names += [name for name in case.sequences if name not in names]
        self.sequence_choice.addItems(names)
        self.sequence_choice.setCurrentText(wanted if wanted in names else names[0])

    def _chosen_case(self) -> Case | None:
        index = self.case_choice.currentIndex()
        return self._cases[index] if 0 <= index < len(self._cases) else None

    def _open_chosen(self) -> None:
        case = self._chosen_case()
        if case is None:
            self.message.fail(InputError("No case is chosen.", "Choose one of the list."))
            return
        if self.sequence_choice.currentText() not in case.sequences or self.sender() is (
            self.case_choice
        ):
            self._list_sequences()
        sequence = self.sequence_choice.currentText()

        def work(on_progress: OnProgress) -> tuple[OpenCase, str, LesionSize]:
            opened = open_case(case, [sequence], on_progress=on_progress)
            labels = opened.segmentation
            return opened, sequence, measure_lesion(labels.array, labels.affine)

        self._open.start(work)

    def _on_opened(self, result: tuple[OpenCase, str, LesionSize]) -> None:
        opened, sequence, size = result
        self._opened = opened
        self.facts.tell(facts_of_case(opened, sequence, size))
        self._show_rows(case=True)
        self.message.warn(opened.notes)
        self.segmentation.set_labels(opened.labels)
        self.session.open_case(opened, sequence)
        self.session.segmentation_look_changed.emit(self.segmentation.look)

    def _on_case(self, opened: OpenCase) -> None:
        """Show the case that another panel has opened, or this one before it was closed."""
        if opened is self._opened:
            return
        self._opened = opened
        sequence, labels = self.session.sequence, opened.segmentation
        self._cases = (opened.case,)
        self._list_cases()
        self._list_sequences(sequence)
        size = measure_lesion(labels.array, labels.affine)
        self.facts.tell(facts_of_case(opened, sequence, size))
        self.segmentation.set_labels(opened.labels)
        self._show_rows(case=True)

    def _show_rows(self, *, case: bool) -> None:
        self._form.setRowVisible(0, case)
        self._form.setRowVisible(1, case)
        self.facts.setVisible(case and self.facts.is_known)
        self.segmentation.setVisible(case and self.facts.is_known)
