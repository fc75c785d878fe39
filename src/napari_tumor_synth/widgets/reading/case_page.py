"""A case on screen: its planes, the question, and how far the reading is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_tumor_synth.study.scale import QUESTIONS, RATINGS
from napari_tumor_synth.widgets.planes.anatomy import PLANES
from napari_tumor_synth.widgets.reading.answer_bar import AnswerBar
from napari_tumor_synth.widgets.reading.case_panes import CasePanes
from napari_tumor_synth.widgets.reading.reading_keys import HELP
from napari_tumor_synth.widgets.reading.time_left import TimeLeft
from napari_tumor_synth.widgets.reading.view_3d import View3D

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.study.study_file import StudyFile

_CINE_MS = 100
_FAR = 5  # slices


class CasePage(QWidget):
    """Panes, answers, progress by count only.

    Parameters
    ----------
    study : StudyFile
    """

    shown_in_3d = Signal(bool)

    def __init__(self, study: StudyFile) -> None:
        super().__init__()
        task, self._design = study.design.task, study.design
        columns = 2 if task == "2afc" else 1
        self.panes = CasePanes(study.display, columns)
        self.answers = AnswerBar(QUESTIONS[task], RATINGS[task])
        self._spacing = study.display.spacing_mm
        self._views: list[View3D] = []
        self._arrays: Sequence[NDArray[np.uint8]] = ()
        self.progress, self.time_left = QLabel(), TimeLeft()
        top = QHBoxLayout()
        top.setContentsMargins(8, 4, 8, 0)
        top.addWidget(self.progress)
        top.addStretch(1)
        top.addWidget(self.time_left)
        self._middle, self._solid = QHBoxLayout(), QVBoxLayout()
        self._middle.addWidget(self.panes, 3)
        self._middle.addLayout(self._solid, 0)
        help_ = QLabel(HELP)
        help_.setStyleSheet("color: #888; font-size: 11px;")
        help_.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addLayout(self._middle, 1)
        layout.addWidget(self.answers)
        layout.addWidget(help_)
        self.time_left.is_up.connect(self.hide_case)
        self._cine = QTimer(self)
        self._cine.timeout.connect(self._cine_step)

    def show_case(
        self, arrays: Sequence[NDArray[np.uint8]], progress: str, *, hidden: bool = False
    ) -> None:
        """Show a case; `panes.painted` tells when it is on screen.

        With `hidden`, its time was up in an earlier sitting: it can only be answered.
        """
        self.stop_cine()
        self._arrays = arrays
        self.progress.setText(progress)
        shown = [np.zeros_like(array) for array in arrays] if hidden else arrays
        self.panes.show_images(shown)
        for view, array in zip(self._views, shown, strict=False):
            view.show_image(array)

    def hide_case(self) -> None:
        """Show no picture, as after the time is up and in pauses."""
        self.stop_cine()
        self.panes.hide_images()
        for view, array in zip(self._views, self._arrays, strict=False):
            view.show_image(np.zeros_like(array))

    def unhide_case(self) -> None:
        """Show the same case again, as it was left."""
        self.panes.put_back(self._arrays)
        for view, array in zip(self._views, self._arrays, strict=False):
            view.show_image(array)

    def step(self, slices: int, *, far: bool = False) -> None:
        """Go on in the active plane."""
        self.stop_cine()
        self.panes.step(slices * (_FAR if far else 1))

    def next_plane(self, by: int) -> None:
        """Let the keys go to another plane."""
        place = PLANES.index(self.panes.active)
        self.panes.activate(PLANES[(place + by) % len(PLANES)])

    def toggle_cine(self) -> None:
        """Run through the slices of the active plane, or stop."""
        if self._cine.isActive():
            self.stop_cine()
        else:
            self._cine.start(_CINE_MS)

    def stop_cine(self) -> None:
        """Stop running through slices."""
        self._cine.stop()

    def toggle_3d(self) -> None:
        """Show a 3D view of each ROI beside the planes, or none."""
        if not self._design.allow_3d:
            return
        if self._views:
            self._close_views()
            self.shown_in_3d.emit(False)
            return
        for layer in self.panes.images:  # what the planes show: nothing, once the time is up
            view = View3D(self._spacing)
            self._solid.addWidget(view)
            self._views.append(view)
            view.show_image(np.asarray(layer.data))
        self._middle.setStretch(1, 1)
        self.shown_in_3d.emit(True)

    def actions(self) -> dict[str, Callable[[], object]]:
        """Return what keys do with the pictures."""
        return {
            "next": lambda: self.step(1),
            "previous": lambda: self.step(-1),
            "far next": lambda: self.step(1, far=True),
            "far previous": lambda: self.step(-1, far=True),
            "next plane": lambda: self.next_plane(1),
            "previous plane": lambda: self.next_plane(-1),
            "cine": self.toggle_cine,
            "reset": self.panes.reset,
            "maximise": lambda: self.panes.maximise(self.panes.active),
            "3d": self.toggle_3d,
            "crosshair": self.panes.toggle_crosshair,
        }

    def close_page(self) -> None:
        """Close all canvases."""
        self.stop_cine()
        self.time_left.stop()
        self._close_views()
        self.panes.close_panes()

    def _close_views(self) -> None:
        for view in self._views:
            view.hide()  # it is deleted only when the event loop comes to it
            view.close_view()
            self._solid.removeWidget(view)
            view.deleteLater()
        self._views = []
        self._middle.setStretch(1, 0)

    def _cine_step(self) -> None:
        before = self.panes.crosshair.position
        self.panes.step(1)
        if self.panes.crosshair.position == before:  # at the end: from the beginning again
            self.panes.step(-10_000)
