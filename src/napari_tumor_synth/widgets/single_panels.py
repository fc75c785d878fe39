"""Each panel of the workbench as a widget of its own, on the same session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_tumor_synth.widgets.case_panel import CasePanel
from napari_tumor_synth.widgets.compare_panel import ComparePanel
from napari_tumor_synth.widgets.generate_panel import GeneratePanel
from napari_tumor_synth.widgets.importance_panel import ImportancePanel
from napari_tumor_synth.widgets.leaving import LeavingWidget
from napari_tumor_synth.widgets.left_dock import LeftDockWidget
from napari_tumor_synth.widgets.roi_panel import RoiPanel
from napari_tumor_synth.widgets.scenes import borrow_scene, return_scene
from napari_tumor_synth.widgets.session import session_of, viewer_itself
from napari_tumor_synth.widgets.study_panel import StudyPanel
from napari_tumor_synth.widgets.train_panel import TrainPanel

if TYPE_CHECKING:
    import napari.viewer


class _SinglePanel(LeftDockWidget):
    """A panel that borrows the viewer's scene while it is open."""

    panel_class: type[Any]

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer = viewer_itself(napari_viewer)
        self.scene = borrow_scene(viewer, self)
        self.panel = self._made()
        self.column.addWidget(self.panel)
        self.column.addStretch(1)
        self.keep_narrow()

    def _made(self) -> Any:
        return self.panel_class(session_of(self._viewer))

    def leave(self) -> None:
        """Stop the panel's jobs and let go of the viewer."""
        self.panel.close_jobs()
        return_scene(self._viewer, self, window_goes=self.window_goes)


class CaseWidget(_SinglePanel):
    """Open a case."""

    panel_class = CasePanel


class RoiWidget(_SinglePanel):
    """Cut the ROI of the open case."""

    panel_class = RoiPanel


class GenerateWidget(_SinglePanel):
    """Make synthetic ROIs."""

    panel_class = GeneratePanel


class ImportanceWidget(_SinglePanel):
    """Overlay importance scores."""

    panel_class = ImportancePanel


class CompareWidget(_SinglePanel):
    """Compare ROIs with real ones."""

    panel_class = ComparePanel

    def _made(self) -> ComparePanel:
        return ComparePanel(self.scene)

    def leave(self) -> None:
        """Take real ROIs away first, then as other panels do."""
        self.panel.dock.end(window_goes=self.window_goes)
        super().leave()


class StudyWidget(_SinglePanel):
    """Design, read and report a reader study."""

    panel_class = StudyPanel


class TrainWidget(_SinglePanel):
    """Train a generator."""

    panel_class = TrainPanel


class PlanesWidget(LeavingWidget):
    """Opens the three planes of whatever layers there are, and goes with them."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer_itself(napari_viewer)
        planes = borrow_scene(self._viewer, self).planes
        planes.open()
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("The planes close with the last panel of Tumor Synth."))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._go)
        assert planes.view is not None
        planes.view.closed.connect(self._soon.start)  # or the menu would not open them again

    def _go(self) -> None:
        if self.parent() is not None:
            self._viewer.window.remove_dock_widget(self)

    def leave(self) -> None:
        """Let go of the viewer."""
        return_scene(self._viewer, self, window_goes=self.window_goes)
