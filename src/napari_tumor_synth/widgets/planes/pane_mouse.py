"""The mouse of a reading station, in a pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tumor_synth.widgets.planes.ruler import Ruler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_tumor_synth.widgets.planes.slice_pane import SlicePane

LEFT, RIGHT, MIDDLE = 1, 2, 3
_ZOOM_STEP = 1.15
_NOTCH = 120  # units of Qt that a wheel turns by from one notch to the next; touchpads tell parts


class PaneMouse:
    """Takes the mouse of a pane from napari, until `close`.

    Left click or drag moves the crosshair or measures, right drag changes window and level, middle
    drag or Shift with left drag moves the picture, the wheel changes the slice, Control with the
    wheel zooms, a double click asks for the whole space.
    """

    def __init__(self, pane: SlicePane) -> None:
        self._pane = pane
        self._turned = 0  # of the next notch of the wheel
        model, camera = pane.model, pane.model.scene.camera
        self._lists: tuple[list[Any], ...] = (
            model.mouse_drag_callbacks,
            model.mouse_wheel_callbacks,
            model.mouse_double_click_callbacks,
        )
        for callbacks, mine in zip(
            self._lists, (self._on_drag, self._on_wheel, self._on_double_click), strict=True
        ):
            callbacks[:] = [mine]
        for event in (camera.events.mouse_pan, camera.events.mouse_zoom):
            event.connect(self._keep_the_camera)
        self._keep_the_camera()

    def close(self) -> None:
        """Leave the pane."""
        camera = self._pane.model.scene.camera
        for event in (camera.events.mouse_pan, camera.events.mouse_zoom):
            event.disconnect(self._keep_the_camera)
        for callbacks in self._lists:
            callbacks.clear()

    def _keep_the_camera(self, event: Any = None) -> None:
        """Keep napari from panning and zooming too: it starts to whenever a layer gets active."""
        camera = self._pane.model.scene.camera
        if camera.mouse_pan:
            camera.mouse_pan = False
        if camera.mouse_zoom:
            camera.mouse_zoom = False

    def _on_drag(self, model: Any, event: Any) -> Iterator[None]:
        pane = self._pane
        pans = event.button == MIDDLE or (event.button == LEFT and "Shift" in event.modifiers)
        last = event.pos
        begin = pane.to_position(*event.pos)
        if event.button == LEFT and not pans:
            pane.show_ruler(None)
            if not pane.measures:
                pane.crosshair.move_to(begin)
        released = False
        while not released:
            yield
            released = event.type == "mouse_release"  # napari leaves out moves in quick succession
            right, down = float(event.pos[0] - last[0]), float(event.pos[1] - last[1])
            last = event.pos
            if right == down == 0:
                continue
            if pans:
                pane.pan(right, down)
            elif event.button == RIGHT:
                pane.window_dragged.emit(right, -down)
            elif event.button == LEFT and pane.measures:
                pane.show_ruler(Ruler(begin, pane.to_position(*event.pos)))
            elif event.button == LEFT:
                pane.crosshair.move_to(pane.to_position(*event.pos))

    def _on_wheel(self, model: Any, event: Any) -> None:
        turned = round(event.delta[1] * _NOTCH)
        if "Control" in event.modifiers:
            if turned:
                self._pane.zoom_asked.emit(_ZOOM_STEP ** (turned / _NOTCH))
            return
        if turned * self._turned < 0:  # the other way
            self._turned = 0
        self._turned += turned
        slices = int(self._turned / _NOTCH)
        if slices:
            self._turned -= slices * _NOTCH
            self._pane.step(slices)

    def _on_double_click(self, model: Any, event: Any) -> None:
        self._pane.maximise_asked.emit()
