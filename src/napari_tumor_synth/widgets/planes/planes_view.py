"""The three planes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QSplitter, QToolTip, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.leaving import LeavingWidget
from napari_tumor_synth.widgets.planes.anatomy import PLANES, Convention, Plane
from napari_tumor_synth.widgets.planes.box import Box
from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position
from napari_tumor_synth.widgets.planes.extent import extent_of
from napari_tumor_synth.widgets.planes.keys import Actions, bind_in, help_text
from napari_tumor_synth.widgets.planes.slice_pane import SlicePane
from napari_tumor_synth.widgets.planes.tool_bar import PlanesToolBar
from napari_tumor_synth.widgets.planes.window_level import PRESETS

if TYPE_CHECKING:
    from napari.components import LayerList

_ZOOMS = (0.1, 50.0)  # times as large as what fits


class PlanesView(LeavingWidget):
    """Axial above, coronal and sagittal below; one crosshair and one zoom for all.

    Keys are those of 3D Slicer: see `keys.SHORTCUTS`. Layers that are not in three dimensions are
    left out, of the panes and of what is fitted to them.

    Parameters
    ----------
    layers : LayerList
        Of the viewer that is looked at.
    convention : {"radiological", "neurological"}
        On which side the patient's right is.
    """

    window_dragged = Signal(float, float)  # pixels to the right, and up
    preset_asked = Signal(int)  # number in window_level.PRESETS
    reset_asked = Signal()
    segmentation_toggled = Signal()
    closed = Signal()

    def __init__(
        self,
        layers: LayerList,
        convention: Convention = "radiological",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._layers = layers
        self.crosshair = Crosshair(self._limits)
        self.panes: dict[Plane, SlicePane] = {
            plane: SlicePane(plane, layers, self.crosshair, convention) for plane in PLANES
        }
        self._maximised: Plane | None = None
        lower = QSplitter(Qt.Orientation.Horizontal)
        lower.addWidget(self.panes["coronal"])
        lower.addWidget(self.panes["sagittal"])
        self._upper = QSplitter(Qt.Orientation.Vertical)
        self._upper.addWidget(self.panes["axial"])
        self._upper.addWidget(lower)
        self._lower = lower
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.tools = PlanesToolBar(convention)
        layout.addWidget(self.tools)
        layout.addWidget(self._upper, 1)
        self._position = QLabel()
        self._position.setToolTip("Where the crosshair is in the patient, and what lies there.")
        layout.addWidget(self._position)
        self._magnified = 1.0
        for plane, pane in self.panes.items():
            pane.maximise_asked.connect(lambda plane=plane: self.maximise(plane))
            pane.window_dragged.connect(self.window_dragged)
            pane.zoom_asked.connect(self._zoom)
            pane.filled.connect(self.fit)
        self.tools.reset_asked.connect(self._reset)
        self.tools.convention_changed.connect(self.set_convention)
        self.tools.preset_asked.connect(self.preset_asked)
        self.tools.ruler_toggled.connect(self._set_ruler)
        self.tools.help_asked.connect(self._show_help)
        self.key_actions = self._make_actions()
        bind_in(self, self.key_actions)

    def set_text(self, text: str) -> None:
        """Say where the crosshair is, below the panes."""
        self._position.setText(text)

    def set_badges(self, badges: tuple[str, ...]) -> None:
        """Mark what is shown, in the corner of each pane."""
        for pane in self.panes.values():
            pane.overlay.content.badges = badges
            pane.overlay.update()

    def set_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Draw the boxes of ROIs in all panes."""
        for pane in self.panes.values():
            pane.set_boxes(boxes)

    def set_convention(self, convention: Convention) -> None:
        """Switch all panes between radiological and neurological."""
        for pane in self.panes.values():
            pane.set_convention(convention)

    def maximise(self, plane: Plane | None) -> None:
        """Give one pane all the space; again, or None, brings back all three."""
        self._maximised = None if plane == self._maximised else plane
        for name, pane in self.panes.items():
            pane.setVisible(self._maximised in (None, name))
        self._lower.setVisible(self._maximised in (None, "coronal", "sagittal"))

    def fit(self) -> None:
        """Show all of the visible image in each pane, now and whenever a pane gets another size."""
        extent = self.visible_extent()
        if extent is None:
            return
        self._magnified = 1.0
        for pane in self.panes.values():
            pane.fit(*extent)

    def drop_rulers(self) -> None:
        """Forget what was measured: something else is shown."""
        for pane in self.panes.values():
            pane.show_ruler(None)

    def leave(self) -> None:
        """Close the canvases, which would outlive their widget."""
        for pane in self.panes.values():
            pane.close_view()
        self.closed.emit()

    def _make_actions(self) -> Actions:
        return {
            "next": lambda: self._pane_under_mouse().step(1),
            "previous": lambda: self._pane_under_mouse().step(-1),
            "reset": self._reset,
            "segmentation": self.segmentation_toggled.emit,
            "maximise": lambda: self.maximise(self._pane_under_mouse().plane),
            "ruler": self.tools.ruler.toggle,
            **{
                preset.key: lambda number=number: self.preset_asked.emit(number)
                for number, preset in enumerate(PRESETS)
            },
        }

    def _reset(self) -> None:
        self.fit()
        self.reset_asked.emit()

    def _set_ruler(self, on: bool) -> None:
        for pane in self.panes.values():
            pane.measures = on
        if not on:
            self.drop_rulers()

    def _show_help(self) -> None:
        where = self.tools.mapToGlobal(self.tools.rect().bottomLeft())
        QToolTip.showText(where, help_text(), self.tools)

    def _pane_under_mouse(self) -> SlicePane:
        panes = self.panes.values()
        return next((pane for pane in panes if pane.underMouse()), self.panes["axial"])

    def visible_extent(self) -> tuple[Position, Position] | None:
        """Return the corners of all visible layers, or of all layers if none is visible."""
        visible = extent_of(layer for layer in self._layers if layer.visible)
        return self._limits() if visible is None else visible

    def _limits(self) -> tuple[Position, Position] | None:
        return extent_of(self._layers)

    def _zoom(self, times: float) -> None:
        """Enlarge the picture in all panes."""
        smallest, largest = _ZOOMS
        self._magnified = min(max(self._magnified * times, smallest), largest)
        for pane in self.panes.values():
            pane.magnify(self._magnified)
