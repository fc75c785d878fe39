"""Everything in place: the steps on the left, the planes on the right, 3D in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tumor_synth.widgets.case_panel import CasePanel
from napari_tumor_synth.widgets.compare_panel import ComparePanel
from napari_tumor_synth.widgets.generate_panel import GeneratePanel
from napari_tumor_synth.widgets.importance_panel import ImportancePanel
from napari_tumor_synth.widgets.left_dock import LeftDockWidget
from napari_tumor_synth.widgets.roi_panel import RoiPanel
from napari_tumor_synth.widgets.scenes import borrow_scene, return_scene
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.session import session_of, viewer_itself
from napari_tumor_synth.widgets.study_panel import StudyPanel
from napari_tumor_synth.widgets.train_panel import TrainPanel

if TYPE_CHECKING:
    import napari.viewer


class Workbench(LeftDockWidget):
    """The steps as sections, in working order."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer = viewer_itself(napari_viewer)
        self.session = session_of(viewer)
        self.scene = borrow_scene(viewer, self)
        self.case, self.roi = CasePanel(self.session), RoiPanel(self.session)
        self.generate = GeneratePanel(self.session)
        self.importance = ImportancePanel(self.session)
        self.compare, self.train = ComparePanel(self.scene), TrainPanel(self.session)
        self.study = StudyPanel(self.session)
        self._panels: dict[str, Any] = {
            "1  Case": self.case,
            "2  ROI": self.roi,
            "3  Generate": self.generate,
            "Importance": self.importance,
            "4  Compare": self.compare,
            "5  Reader study": self.study,
            "6  Train": self.train,
        }
        self._sections: dict[str, Section] = {}
        for title, panel in self._panels.items():
            section = Section(title, panel)
            if panel not in (self.compare, self.study, self.train):  # these take the most room
                section.expand(animate=False)
            self.column.addWidget(section)
            self._sections[title] = section
        comparing = self._sections["4  Compare"]
        comparing.toggled.connect(self.compare.set_unfolded)
        self.compare.set_unfolded(False)
        self.column.addStretch(1)
        self.keep_narrow()

    def show_step(self, title: str) -> None:
        """Unfold one step and fold the others."""
        for name, section in self._sections.items():
            if name == title:
                section.expand(animate=False)
            else:
                section.collapse(animate=False)
        self.area.ensureWidgetVisible(self._sections[title])

    def leave(self) -> None:
        """Stop all jobs and let go of the viewer."""
        self.compare.dock.end(window_goes=self.window_goes)
        for panel in self._panels.values():
            panel.close_jobs()
        return_scene(self._viewer, self, window_goes=self.window_goes)
