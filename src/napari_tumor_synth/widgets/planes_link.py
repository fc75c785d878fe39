"""The planes of a viewer: docked, told what is shown, and obeyed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_tumor_synth.widgets.arrange import halve, window_of
from napari_tumor_synth.widgets.gl_context import draw_in_own_context
from napari_tumor_synth.widgets.held_back import HeldBack
from napari_tumor_synth.widgets.planes.anatomy import VIEWS_3D, position_text
from napari_tumor_synth.widgets.planes.extent import is_in_planes
from napari_tumor_synth.widgets.planes.image_windows import ImageWindows
from napari_tumor_synth.widgets.planes.keys import bind_in_3d
from napari_tumor_synth.widgets.planes.planes_view import PlanesView
from napari_tumor_synth.widgets.preferences import follow_convention, preferences
from napari_tumor_synth.widgets.shown_layers import show

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_tumor_synth.widgets.planes.anatomy import Convention, Direction
    from napari_tumor_synth.widgets.planes.box import Box
    from napari_tumor_synth.widgets.planes.crosshair import Position
    from napari_tumor_synth.widgets.session import Session

OVERLAY = "tumor_synth_overlay"
"""Key in the metadata of layers whose window is not the mouse's: ROI preview and importance."""

_FOLLOWS_MS = 400  # what follows at once is there by then, or takes longer
_PAINTED_MS = 50  # for the planes, before the 3D view
_FILLED = 0.8  # of the canvas by what is visible


class PlanesLink:
    """Opens the planes, and opens them again after the user closed their dock.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session
        Says which axes the display has.
    value_at : callable
        Text to add to a position (S, A, R) in mm, or "".
    """

    convention_changed = Signal(str)

    def __init__(
        self, viewer: Viewer, session: Session, value_at: Callable[[Position], str]
    ) -> None:
        self._viewer, self._session, self._value_at = viewer, session, value_at
        self.view: PlanesView | None = None
        self._badges: tuple[str, ...] = ()
        self._boxes: tuple[Box, ...] = ()
        self._origin: Position | None = None
        self._held: tuple[HeldBack, HeldBack] | None = None  # planes and 3D view
        self._ends: list[Callable[[], None]] = []  # of what is tied to the open planes
        self._windows = ImageWindows(viewer.layers, _has_the_mouses_window)
        self._windows.changed.connect(self._tell_preset)

    @property
    def convention(self) -> Convention:
        """On which side the patient's right is."""
        if self.view is None:
            return preferences().convention
        return cast("Convention", self.view.tools.convention.currentText())

    def open(self) -> None:
        """Dock the planes, if they are not there."""
        if self.view is not None:
            return
        view = PlanesView(self._viewer.layers, preferences().convention)
        view.crosshair.moved.connect(self._tell_position)
        view.window_dragged.connect(self._windows.drag)
        view.preset_asked.connect(self._windows.choose)
        view.reset_asked.connect(self._windows.reset)
        view.reset_asked.connect(self._fit_3d)
        view.segmentation_toggled.connect(self._toggle_segmentation)
        view.tools.side_asked.connect(self.look_from)
        view.tools.convention_changed.connect(self.convention_changed.emit)
        view.closed.connect(self._on_closed)
        view.set_badges(self._badges)
        view.set_boxes(self._boxes)
        self.view = view
        self._tell_preset()
        dock = self._viewer.window.add_dock_widget(view, area="right", name="Planes")
        halve(dock)
        window = window_of(dock)
        middle = None if window is None else window.centralWidget()
        self._held = None if middle is None else (HeldBack(view), HeldBack(middle))
        canvas = None if middle is None else middle.findChild(QOpenGLWidget)
        self._ends.append(follow_convention(view.tools.convention.setCurrentText))
        if canvas is not None:
            self._ends += [
                draw_in_own_context(self._viewer.layers, canvas),
                bind_in_3d(self._viewer, canvas, view.key_actions),
            ]

    def close(self, *, window_goes: bool = False) -> None:
        """Close the planes, and their dock if the window stays; they are not opened again."""
        self._windows.close()
        if (view := self.view) is None:
            return
        if self._held is not None:
            self._held[1].release()
        view.close()
        if not window_goes:
            self._viewer.window.remove_dock_widget(view)

    def look_from(self, side: Direction) -> None:
        """Turn the 3D camera to one side of the patient."""
        view, up = VIEWS_3D[side]
        self._viewer.scene.camera.set_view_direction(view, up)

    @contextmanager
    def first(self, more_follows: bool = False) -> Iterator[None]:
        """Have the planes painted before the 3D view; neither yet, if more follows at once."""
        if self._held is None:
            yield
            return
        planes, in_3d = self._held
        in_3d.hold()
        try:
            yield
        finally:
            if more_follows:
                planes.hold()
                planes.rest(_FOLLOWS_MS)
                in_3d.rest(2 * _FOLLOWS_MS)
            else:
                planes.release()
                in_3d.rest(_PAINTED_MS)

    def set_badges(self, badges: tuple[str, ...]) -> None:
        """Mark what is shown."""
        self._badges = badges
        if self.view is not None:
            self.view.set_badges(badges)

    def set_origin(self, origin: Position | None) -> None:
        """Tell positions from this point, because what is shown has no place in a patient."""
        self._origin = origin
        if self.view is not None:
            self._tell_position(self.view.crosshair.position)

    def set_boxes(self, boxes: tuple[Box, ...]) -> None:
        """Draw the boxes of ROIs."""
        self._boxes = boxes
        if self.view is not None:
            self.view.set_boxes(boxes)

    def fit(self) -> None:
        """Show all of what is visible, in 3D too; what was measured before is gone."""
        if self.view is None:
            return
        self.view.drop_rulers()
        self.view.fit()
        self._fit_3d()

    def move_to(self, position: Position) -> None:
        """Put the crosshair somewhere."""
        if self.view is not None:
            self.view.crosshair.move_to(position)

    def _fit_3d(self) -> None:
        if self.view is not None and (extent := self.view.visible_extent()) is not None:
            low, high = np.array(extent)
            camera = self._viewer.scene.camera
            camera.center = tuple(((low + high) / 2).tolist())
            pixels = min(self._viewer.canvas.size)
            camera.zoom = _FILLED * pixels / float((high - low).max())

    def _on_closed(self) -> None:
        self.view = self._held = None
        for end in self._ends:
            end()
        self._ends.clear()

    def _tell_position(self, position: Position) -> None:
        if self.view is not None:
            if self._origin is None:
                text = position_text(self._session.frame.to_world(position))
            else:
                s, a, r = (here - zero for here, zero in zip(position, self._origin, strict=True))
                text = f"{position_text((r, a, s))} from the middle of the synthetic ROI"
            self.view.set_text(text + self._value_at(position))

    def _tell_preset(self) -> None:
        if self.view is not None:
            self.view.tools.show_preset(self._windows.preset)

    def _toggle_segmentation(self) -> None:
        """Hide all segmentations, or show all if none is visible."""
        labels = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels)
            # and not of a case while a sample is looked at
            and not ("case" in layer.metadata and self._origin is not None)
        ]
        visible = not any(layer.visible for layer in labels)
        for layer in labels:
            show(layer, visible)


def _has_the_mouses_window(image: Image) -> bool:
    return is_in_planes(image) and not image.rgb and OVERLAY not in image.metadata
