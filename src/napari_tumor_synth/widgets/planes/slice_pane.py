"""One anatomical plane of the layers, with its own camera and the mouse of a reading station."""

from __future__ import annotations

import math
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
from napari_tumor_synth.widgets.planes.layer_mirror import LayerMirror
from napari_tumor_synth.widgets.planes.overlay import DrawnBox, OverlayContent, PaneOverlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import LayerList

    from napari_tumor_synth.widgets.planes.box import Box
    from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position

BACKGROUND = "black"  # whatever the theme: what is around a head or an ROI is darkest
LEFT, RIGHT, MIDDLE = 1, 2, 3
_ZOOM_STEP = 1.15
_FILLED = 0.9  # of a pane after `fit`: the letters need the rest


class SlicePane(QWidget):
    """Axial, coronal or sagittal.

    Left click or drag moves the crosshair, right drag changes window and level, middle drag or
    Shift with left drag moves the picture, the wheel changes the slice, Control with the wheel
    zooms, a double click asks for the whole space.
    """

    maximise_asked = Signal()
    window_dragged = Signal(float, float)  # pixels to the right, and up

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
        self.ruler = self._closed = False
        self._measured: tuple[Position, Position] | None = None
        self._boxes: tuple[Box, ...] = ()
        self._across, self._vertical, self._horizontal = ORDER[plane]
        self.model = ViewerModel(title=plane)
        self.model.dims.ndim = 3
        self.model.dims.order = ORDER[plane]
        self.model.canvas.background_color_override = BACKGROUND
        self._take_the_mouse()
        self._view = QtViewer(self.model)
        self._view.dims.hide()
        self._part = draw_in_own_context(self.model.layers, self._view.canvas.native)
        self._mirror = LayerMirror(layers, self.model)
        content = OverlayContent(edge_letters(plane, convention), title=plane.capitalize())
        self.overlay = PaneOverlay(self._view.canvas.native, content)
        self._view.canvas.native.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self.set_convention(convention)
        for event in (self.model.scene.camera.events.zoom, self.model.scene.camera.events.center):
            event.connect(self._follow_camera)
        self.model.dims.events.ndim.connect(self._keep_plane)
        self.model.dims.events.range.connect(self._keep_slice)
        crosshair.moved.connect(self._follow_crosshair)
        self._follow_crosshair(crosshair.position)

    @property
    def slice_step_mm(self) -> float:
        """Distance of neighbouring slices of what is visible; of the finest grid, if several."""
        visible = [layer for layer in self._layers if layer.visible and layer.ndim == 3]
        return min((float(layer.scale[self._across]) for layer in visible), default=1.0)

    def set_convention(self, convention: Convention) -> None:
        """Put the patient's right on the left (radiological) or on the right."""
        self._convention = convention
        self.model.scene.camera.orientation2d = orientation_2d(self.plane, convention)
        self.overlay.content.letters = edge_letters(self.plane, convention)
        self._follow_camera()

    def set_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Draw boxes, each in the slices that it covers."""
        self._boxes = boxes
        self._follow_camera()

    def step(self, slices: int) -> None:
        """Go some slices on."""
        self.crosshair.shift(self._across, slices * self.slice_step_mm)

    def fit(self, low: Position, high: Position) -> None:
        """Show a box between two corners (S, A, R) in mm, and a little around it."""
        camera, native = self.model.scene.camera, self._view.canvas.native
        extents = [max(high[axis] - low[axis], 1.0) for axis in (self._vertical, self._horizontal)]
        pixels = (max(native.height(), 50), max(native.width(), 50))
        camera.zoom = _FILLED * min(pixels[0] / extents[0], pixels[1] / extents[1])
        vertical, horizontal = (
            (low[axis] + high[axis]) / 2 for axis in (self._vertical, self._horizontal)
        )
        camera.center = (0.0, vertical, horizontal)

    def to_pixels(self, position: Position) -> tuple[float, float]:
        """Return where a position (S, A, R) in mm is drawn, as x and y in pixels of the pane."""
        camera, native = self.model.scene.camera, self._view.canvas.native
        _, side = orientation_2d(self.plane, self._convention)
        right = position[self._horizontal] - camera.center[-1]
        up = position[self._vertical] - camera.center[-2]
        x = native.width() / 2 + (right if side == "right" else -right) * camera.zoom
        return x, native.height() / 2 - up * camera.zoom

    def screenshot(self) -> Any:
        """Return the picture without what is drawn over it, (height, width, 4) uint8."""
        return self._view.screenshot(flash=False)

    def close_view(self) -> None:
        """Let go of the layers and the canvas; the pane is of no use afterwards."""
        self._closed = True
        self.crosshair.moved.disconnect(self._follow_crosshair)
        self.model.dims.events.ndim.disconnect(self._keep_plane)
        self.model.dims.events.range.disconnect(self._keep_slice)
        self._mirror.close()
        self._part()
        self._view.canvas.native.removeEventFilter(self)
        self._view.close()
        self._view.setParent(None)  # PySide6 keeps children for as long as their parent
        self.model.mouse_drag_callbacks.clear()
        self.model.mouse_wheel_callbacks.clear()
        self.model.mouse_double_click_callbacks.clear()
        del (
            self._view,
            self._part,
            self.overlay,
        )  # napari keeps models for a while, but no canvas may stay

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the overlay as large as the canvas."""
        if event.type() == QEvent.Type.Resize and not self._closed:
            self.overlay.resize(self._view.canvas.native.size())
            self._follow_camera()
        return super().eventFilter(watched, event)

    def _take_the_mouse(self) -> None:
        model = self.model
        model.scene.camera.mouse_pan = model.scene.camera.mouse_zoom = False
        for callbacks in (
            model.mouse_drag_callbacks,
            model.mouse_wheel_callbacks,
            model.mouse_double_click_callbacks,
        ):
            callbacks.clear()
        model.mouse_drag_callbacks.append(self._on_drag)
        model.mouse_wheel_callbacks.append(self._on_wheel)
        model.mouse_double_click_callbacks.append(lambda model, event: self.maximise_asked.emit())

    def _on_drag(self, model: ViewerModel, event: Any) -> Iterator[None]:
        pans = event.button == MIDDLE or (event.button == LEFT and "Shift" in event.modifiers)
        last = event.pos
        here = _position(event)
        if event.button == LEFT and not pans:
            self._measured = None
            self._follow_camera()
            if not self.ruler:
                self.crosshair.move_to(here)
        yield
        while event.type == "mouse_move":
            right, down = float(event.pos[0] - last[0]), float(event.pos[1] - last[1])
            last = event.pos
            if pans:
                self._pan(right, down)
            elif event.button == RIGHT:
                self.window_dragged.emit(right, -down)
            elif event.button == LEFT and self.ruler:
                self._measured = here, _position(event)
                self._follow_camera()
            elif event.button == LEFT:
                self.crosshair.move_to(_position(event))
            yield

    def _on_wheel(self, model: ViewerModel, event: Any) -> None:
        forward = 1 if event.delta[1] > 0 else -1
        if "Control" in event.modifiers:
            model.scene.camera.zoom *= _ZOOM_STEP**forward
        else:
            self.step(forward)

    def _pan(self, right: float, down: float) -> None:
        camera = self.model.scene.camera
        _, side = orientation_2d(self.plane, self._convention)
        depth, vertical, horizontal = camera.center
        horizontal -= (right if side == "right" else -right) / camera.zoom
        camera.center = (depth, vertical + down / camera.zoom, horizontal)

    def _drawn_ruler(self) -> tuple[tuple[float, float], tuple[float, float], str] | None:
        if self._measured is None:
            return None
        begin, end = self._measured
        length = math.dist(begin, end)
        return self.to_pixels(begin), self.to_pixels(end), f"{length:.1f} mm"

    def _drawn_boxes(self) -> tuple[DrawnBox, ...]:
        here = self.crosshair.position[self._across]
        return tuple(
            (self.to_pixels(box.low), self.to_pixels(box.high), box.caption)
            for box in self._boxes
            if box.covers(self._across, here)
        )

    def _follow_crosshair(self, position: Position) -> None:
        self.model.dims.set_point(self._across, position[self._across])
        self._follow_camera()

    def _keep_plane(self, event: Any = None) -> None:
        """Look along the same axis again: without a layer napari forgets the order of axes."""
        if self.model.dims.ndim == 3:
            self.model.dims.order = ORDER[self.plane]

    def _keep_slice(self, event: Any = None) -> None:
        """Go back to the crosshair: napari moves the slice into a range that layers have left."""
        if self.model.dims.ndim == 3:  # 2 without a layer
            here = self.crosshair.position[self._across]
            self.model.dims.set_point(self._across, here)

    def _follow_camera(self, event: Any = None) -> None:
        if self._closed or not hasattr(self, "overlay"):
            return
        shown = bool(self._layers)
        self.overlay.content.crosshair = self.to_pixels(self.crosshair.position) if shown else None
        self.overlay.content.ruler = self._drawn_ruler()
        self.overlay.content.boxes = self._drawn_boxes()
        self.overlay.update()


def _position(event: Any) -> Position:
    s, a, r = (float(value) for value in event.position)
    return s, a, r
