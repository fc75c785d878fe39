"""How the 3D view is set up for anatomy, until it is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tumor_synth.widgets.planes.anatomy import CAMERA_3D
from napari_tumor_synth.widgets.planes.slice_pane import BACKGROUND

if TYPE_CHECKING:
    from napari.viewer import Viewer


class ViewerLook:
    """Three dimensions, no side mirrored, black, and arrows that name S, A and R.

    Parameters
    ----------
    viewer : napari.Viewer
        Is set up at once.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._canvas: Any = viewer.canvas
        self._camera, self._dims = viewer.scene.camera, viewer.dims
        self._before = (
            self._camera.orientation,
            self._dims.ndisplay,
            self._canvas.background_color_override,
            self._canvas.overlays.axes.visible,
        )
        self._canvas.background_color_override = BACKGROUND
        self._dims.ndisplay, self._camera.orientation = 3, CAMERA_3D
        self._canvas.overlays.axes.visible = True

    def show_notice(self, lines: tuple[str, ...]) -> None:
        """Write over the 3D view what is shown; nothing without lines."""
        text = self._canvas.overlays.text
        text.visible, text.text = bool(lines), "\n".join(lines)

    def give_back(self) -> None:
        """Leave the view as it was found."""
        (
            self._camera.orientation,
            self._dims.ndisplay,
            self._canvas.background_color_override,
            self._canvas.overlays.axes.visible,
        ) = self._before
        self.show_notice(())
