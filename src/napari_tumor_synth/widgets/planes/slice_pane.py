"""One anatomical plane of the layers, with its own camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.components import ViewerModel
from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tumor_synth.widgets.gl_context import draw_in_own_context
from napari_tumor_synth.widgets.planes.anatomy import (
    ORDER,
    Convention,
    Plane,
    edge_letters,
    orientation_2d,
)
from napari_tumor_synth.widgets.planes.extent import is_in_planes
from napari_tumor_synth.widgets.planes.layer_mirror import LayerMirror
from napari_tumor_synth.widgets.planes.overlay import DrawnBox, OverlayContent, PaneOverlay
from napari_tumor_synth.widgets.planes.pane_mouse import PaneMouse

if TYPE_CHECKING:
    from napari.components import LayerList
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    from napari_tumor_synth.widgets.planes.box import Box
    from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position
    from napari_tumor_synth.widgets.planes.ruler import Ruler

BACKGROUND = "black"  # whatever the theme: what is around a head or an ROI is darkest
_FILLED = 0.9  # of a pane after `fit`: the letters need the rest


class SlicePane(QWidget):
    """Axial, coronal or sagittal; for the mouse see `PaneMouse`.

    However large the pane gets, it shows what it showed, as much larger or smaller.
    """

    maximise_asked = Signal()
    window_dragged = Signal(float, float)  # pixels to the right, and up
    zoom_asked = Signal(float)  # times as large
    filled = Signal()  # what was empty shows a layer

    def __init__(
        self,
        plane: Plane,
        layers: LayerList,
        crosshair: Crosshair,
        convention: Convention,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.plane, self.crosshair, self._layers = plane, crosshair, layers
        self._convention = convention
        self.measures = self._closed = False
        self._ruler: Ruler | None = None
        self._boxes: tuple[Box, ...] = ()
        self._fitted: tuple[Position, Position] | None = None
        self._magnified = 1.0
        self._across, self._vertical, self._horizontal = ORDER[plane]
        self.model = ViewerModel(title=plane)
        self.model.dims.ndim = 3
        self.model.dims.order = ORDER[plane]
        self.model.canvas.background_color_override = BACKGROUND
        self._mouse = PaneMouse(self)
        self._view = QtViewer(self.model)
        self._view.dims.hide()
        self._part = draw_in_own_context(self.model.layers, self._view.canvas.native)
        self._mirror = LayerMirror(layers, self.model, self)
        content = OverlayContent(edge_letters(plane, convention), title=plane.capitalize())
        self.overlay = PaneOverlay(self._view.canvas.native, content)
        self._view.canvas.native.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self.set_convention(convention)
        camera, dims = self.model.scene.camera, self.model.dims
        self._links: tuple[tuple[Any, Any], ...] = (
            (camera.events.zoom, self._draw_over),
            (camera.events.center, self._draw_over),
            (dims.events.ndim, self._keep_plane),
            (dims.events.range, self._keep_slice),
        )
        for event, callback in self._links:
            event.connect(callback)
        # after napari, which then shows its first layer in its own way
        self.model.layers.events.inserted.connect(self._on_inserted, position="last")
        crosshair.moved.connect(self._follow_crosshair)
        self._follow_crosshair(crosshair.position)

    @property
    def canvas(self) -> QOpenGLWidget:
        """What the picture is drawn on."""
        return self._view.canvas.native

    @property
    def slice_step_mm(self) -> float:
        """Distance of neighbouring slices of what is visible; of the finest grid, if several."""
        visible = [layer for layer in self._layers if layer.visible and is_in_planes(layer)]
        return min((float(layer.scale[self._across]) for layer in visible), default=1.0)

    def set_convention(self, convention: Convention) -> None:
        """Put the patient's right on the left (radiological) or on the right."""
        self._convention = convention
        self.model.scene.camera.orientation2d = orientation_2d(self.plane, convention)
        self.overlay.content.letters = edge_letters(self.plane, convention)
        self._draw_over()

    def set_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Draw boxes, each in the slices that it covers."""
        self._boxes = boxes
        self._draw_over()

    def show_ruler(self, ruler: Ruler | None) -> None:
        """Draw a ruler in its slice, instead of the one before."""
        self._ruler = ruler
        self._draw_over()

    def step(self, slices: int) -> None:
        """Go some slices on."""
        self.crosshair.shift(self._across, slices * self.slice_step_mm)

    def fit(self, low: Position, high: Position) -> None:
        """Show a box between two corners (S, A, R) in mm, and a little around it."""
        self._fitted = low, high
        vertical, horizontal = (
            (low[axis] + high[axis]) / 2 for axis in (self._vertical, self._horizontal)
        )
        self.model.scene.camera.center = (0.0, vertical, horizontal)
        self.magnify(1.0)

    def magnify(self, times: float) -> None:
        """Show everything this many times as large as it fits."""
        self._magnified = times
        if self._fitted is None:
            return
        low, high = self._fitted
        extents = [max(high[axis] - low[axis], 1.0) for axis in (self._vertical, self._horizontal)]
        native = self._view.canvas.native
        pixels = (max(native.height(), 50), max(native.width(), 50))
        fitting = _FILLED * min(pixels[0] / extents[0], pixels[1] / extents[1])
        self.model.scene.camera.zoom = fitting * times

    def pan(self, right: float, down: float) -> None:
        """Move the picture by pixels."""
        camera = self.model.scene.camera
        depth, vertical, horizontal = camera.center
        horizontal -= self._toward_right * right / camera.zoom
        camera.center = (depth, vertical + down / camera.zoom, horizontal)

    def to_pixels(self, position: Position) -> tuple[float, float]:
        """Return where a position (S, A, R) in mm is drawn, as x and y in pixels of the pane."""
        camera, native = self.model.scene.camera, self._view.canvas.native
        right = position[self._horizontal] - camera.center[-1]
        up = position[self._vertical] - camera.center[-2]
        x = native.width() / 2 + self._toward_right * right * camera.zoom
        return x, native.height() / 2 - up * camera.zoom

    def to_position(self, x: float, y: float) -> Position:
        """Return the position (S, A, R) in mm of a pixel of the pane, in the slice it shows."""
        camera, native = self.model.scene.camera, self._view.canvas.native
        position = list(self.crosshair.position)
        right, up = float(x) - native.width() / 2, native.height() / 2 - float(y)
        position[self._horizontal] = camera.center[-1] + self._toward_right * right / camera.zoom
        position[self._vertical] = camera.center[-2] + up / camera.zoom
        return position[0], position[1], position[2]

    def screenshot(self) -> Any:
        """Return the picture without what is drawn over it, (height, width, 4) uint8."""
        return self._view.screenshot(flash=False)

    def close_view(self) -> None:
        """Let go of the layers and the canvas; the pane is of no use afterwards."""
        self._closed = True
        self.crosshair.moved.disconnect(self._follow_crosshair)
        for event, callback in self._links:
            event.disconnect(callback)
        self.model.layers.events.inserted.disconnect(self._on_inserted)
        self._mouse.close()
        self._mirror.close()
        self._part()
        self._view.canvas.native.removeEventFilter(self)
        self._view.close()
        self._view.setParent(None)  # PySide6 keeps children for as long as their parent
        # napari keeps models for a while, but no canvas may stay
        del self._view, self._part, self.overlay

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the overlay as large as the canvas, and the picture as much of it as it was."""
        if event.type() == QEvent.Type.Resize and not self._closed:
            self.overlay.resize(self._view.canvas.native.size())
            self.magnify(self._magnified)
            self._draw_over()
        return super().eventFilter(watched, event)

    @property
    def _toward_right(self) -> int:
        """1 if the horizontal axis points to the right of the screen, -1 if to the left."""
        return 1 if orientation_2d(self.plane, self._convention)[1] == "right" else -1

    def _drawn_ruler(self) -> tuple[tuple[float, float], tuple[float, float], str] | None:
        ruler, here = self._ruler, self.crosshair.position[self._across]
        if ruler is None or not ruler.is_in_slice(self._across, here, self.slice_step_mm):
            return None
        return self.to_pixels(ruler.begin), self.to_pixels(ruler.end), ruler.label

    def _drawn_boxes(self) -> tuple[DrawnBox, ...]:
        here = self.crosshair.position[self._across]
        return tuple(
            (self.to_pixels(box.low), self.to_pixels(box.high), box.caption)
            for box in self._boxes
            if box.covers(self._across, here)
        )

    def _on_inserted(self, event: Any) -> None:
        if len(self.model.layers) == 1:
            self.filled.emit()

    def _follow_crosshair(self, position: Position) -> None:
        self.model.dims.set_point(self._across, position[self._across])
        self._draw_over()

    def _keep_plane(self, event: Any = None) -> None:
        """Look along the same axis again: without a layer napari forgets the order of axes."""
        if self.model.dims.ndim == 3:
            self.model.dims.order = ORDER[self.plane]

    def _keep_slice(self, event: Any = None) -> None:
        """Go back to the crosshair: napari moves the slice into a range that layers have left."""
        if self.model.dims.ndim == 3:  # 2 without a layer
            here = self.crosshair.position[self._across]
            self.model.dims.set_point(self._across, here)

    def _draw_over(self, event: Any = None) -> None:
        if self._closed or not hasattr(self, "overlay"):
            return
        shown = any(layer.ndim == 3 for layer in self._layers)
        self.overlay.content.crosshair = self.to_pixels(self.crosshair.position) if shown else None
        self.overlay.content.ruler = self._drawn_ruler()
        self.overlay.content.boxes = self._drawn_boxes()
        self.overlay.update()
