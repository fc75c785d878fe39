"""Everything in place: the steps on the left, the planes on the right, 3D in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QDockWidget, QScrollArea, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.arrange import share_the_left_side
from napari_tumor_synth.widgets.case_panel import CasePanel
from napari_tumor_synth.widgets.generate_panel import GeneratePanel
from napari_tumor_synth.widgets.importance_panel import ImportancePanel
from napari_tumor_synth.widgets.leaving import LeavingWidget
from napari_tumor_synth.widgets.roi_panel import RoiPanel
from napari_tumor_synth.widgets.scenes import borrow_scene, return_scene
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.session import session_of, viewer_itself

if TYPE_CHECKING:
    import napari.viewer

_LETTERS = 8  # of a list that are shown at least


class Workbench(LeavingWidget):
    """The steps as sections, in working order."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer = viewer_itself(napari_viewer)
        self.session = session_of(viewer)
        self.scene = borrow_scene(viewer, self)
        self.case, self.roi = CasePanel(self.session), RoiPanel(self.session)
        self.generate = GeneratePanel(self.session)
        self.importance = ImportancePanel(self.session)
        self._panels: dict[str, Any] = {
            "1  Case": self.case,
            "2  ROI": self.roi,
            "3  Generate": self.generate,
            "Importance": self.importance,
        }
        self._sections: dict[str, Section] = {}
        inner = QWidget()
        column = QVBoxLayout(inner)
        for title, panel in self._panels.items():
            section = Section(title, panel)
            section.expand(animate=False)
            column.addWidget(section)
            self._sections[title] = section
        column.addStretch(1)
        self._area = area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for box in inner.findChildren(QComboBox):  # long names must not widen the dock
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(_LETTERS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        self._soon = QTimer(self)  # not a timer of its own: this widget may be gone by then
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._arrange)
        self._soon.start(0)

    def show_step(self, title: str) -> None:
        """Unfold one step and fold the others."""
        for name, section in self._sections.items():
            if name == title:
                section.expand(animate=False)
            else:
                section.collapse(animate=False)
        self._area.ensureWidgetVisible(self._sections[title])

    def _arrange(self) -> None:
        """Make room, once this widget is in a dock of its own."""
        dock = self.parent()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        if dock is not None:
            share_the_left_side(dock)

    def leave(self) -> None:
        """Stop all jobs and let go of the viewer."""
        for panel in self._panels.values():
            panel.close_jobs()
        return_scene(self._viewer, self, window_goes=self.window_goes)
