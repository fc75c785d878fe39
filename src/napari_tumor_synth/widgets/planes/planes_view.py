"""The three planes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QLabel, QShortcut, QSplitter, QToolTip, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.leaving import LeavingWidget
from napari_tumor_synth.widgets.planes.anatomy import PLANES, Convention, Plane
from napari_tumor_synth.widgets.planes.box import Box
from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position
from napari_tumor_synth.widgets.planes.slice_pane import SlicePane
from napari_tumor_synth.widgets.planes.tool_bar import PlanesToolBar
from napari_tumor_synth.widgets.planes.window_level import PRESETS

if TYPE_CHECKING:
    from napari.components import LayerList

SHORTCUTS = {
    "f": ("next", "next slice (superior, anterior, right)"),
    "Up": ("next", "next slice"),
    "Right": ("next", "next slice"),
    "b": ("previous", "previous slice"),
    "Down": ("previous", "previous slice"),
    "Left": ("previous", "previous slice"),
    "r": ("fit", "fit the image to the panes"),
    "g": ("segmentation", "show or hide the segmentation"),
    "v": ("maximise", "one pane large, or all"),
    "m": ("ruler", "measure in mm"),
    **{preset.key: (preset.key, f"window: {preset.name}") for preset in PRESETS},
}
"""Key to action and what it does, of the pane under the mouse."""

MOUSE = {
    "left": "moves the crosshair; measures with the ruler",
    "right": "window (sideways) and level (up and down)",
    "middle, or Shift with left": "moves the picture",
    "wheel": "changes the slice; with Control it zooms",
    "double click": "one pane large, or all",
}


def help_text() -> str:
    """Return what mouse and keys do, as HTML."""
    rows = [(f"Mouse, {button}", text) for button, text in MOUSE.items()]
    rows += [(key, text) for key, (_, text) in SHORTCUTS.items()]
    cells = "".join(
        f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in rows
    )
    return f"<table>{cells}</table>"


class PlanesView(LeavingWidget):
    """Axial above, coronal and sagittal below; one crosshair and one zoom for all.

    Keys are those of 3D Slicer: see `SHORTCUTS`.

    Parameters
    ----------
    layers : LayerList
        Of the viewer that is looked at.
    convention : {"radiological", "neurological"}
        On which side the patient's right is.
    """

    window_dragged = Signal(float, float)  # pixels to the right, and up
    preset_asked = Signal(int)  # number in window_level.PRESETS
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
        self._zooming = False
        self._fitted: dict[Plane, float] = {}
        for plane, pane in self.panes.items():
            pane.maximise_asked.connect(lambda plane=plane: self.maximise(plane))
            pane.window_dragged.connect(self.window_dragged)
            pane.model.scene.camera.events.zoom.connect(
                lambda event, plane=plane: self._link_zoom(plane)
            )
        self.tools.fit_asked.connect(self.fit)
        self.tools.convention_changed.connect(self.set_convention)
        self.tools.preset_asked.connect(self.preset_asked)
        self.tools.ruler_toggled.connect(self._set_ruler)
        self.tools.help_asked.connect(self._show_help)
        self._bind_keys()

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
        """Show all of the visible image in each pane."""
        extent = self.visible_extent()
        if extent is None:
            return
        self._zooming = True
        try:
            for plane, pane in self.panes.items():
                pane.fit(*extent)
                self._fitted[plane] = pane.model.scene.camera.zoom
        finally:
            self._zooming = False

    def leave(self) -> None:
        """Close the canvases, which would outlive their widget."""
        for pane in self.panes.values():
            pane.close_view()
        self.closed.emit()

    def _bind_keys(self) -> None:
        actions = {
            "next": lambda: self._pane_under_mouse().step(1),
            "previous": lambda: self._pane_under_mouse().step(-1),
            "fit": self.fit,
            "segmentation": self.segmentation_toggled.emit,
            "maximise": lambda: self.maximise(self._pane_under_mouse().plane),
            "ruler": self.tools.ruler.toggle,
            **{
                preset.key: lambda number=number: self.preset_asked.emit(number)
                for number, preset in enumerate(PRESETS)
            },
        }
        for key, (action, _) in SHORTCUTS.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(actions[action])

    def _set_ruler(self, on: bool) -> None:
        for pane in self.panes.values():
            pane.ruler = on

    def _show_help(self) -> None:
        where = self.tools.mapToGlobal(self.tools.rect().bottomLeft())
        QToolTip.showText(where, help_text(), self.tools)

    def _pane_under_mouse(self) -> SlicePane:
        panes = self.panes.values()
        return next((pane for pane in panes if pane.underMouse()), self.panes["axial"])

    def visible_extent(self) -> tuple[Position, Position] | None:
        """Return the corners of all visible layers, or of all layers if none is visible."""
        layers = [layer for layer in self._layers if layer.visible] or list(self._layers)
        if not layers:
            return None
        corners = np.stack([layer.extent.world[:, -3:] for layer in layers])
        low, high = corners[:, 0].min(axis=0).tolist(), corners[:, 1].max(axis=0).tolist()
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def _limits(self) -> tuple[Position, Position] | None:
        if len(self._layers) == 0:
            return None
        first, last = (corner[-3:].tolist() for corner in self._layers.extent.world)
        return (first[0], first[1], first[2]), (last[0], last[1], last[2])

    def _link_zoom(self, plane: Plane) -> None:
        """Enlarge the other panes as much as this one, each from its own fit."""
        if self._zooming or plane not in self._fitted:
            return
        self._zooming = True
        try:
            ratio = self.panes[plane].model.scene.camera.zoom / self._fitted[plane]
            for name, pane in self.panes.items():
                if name != plane:
                    pane.model.scene.camera.zoom = self._fitted[name] * ratio
        finally:
            self._zooming = False
