"""A 3D view of a case, made when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.qt import QtViewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.gl_context import draw_in_own_context
from napari_tumor_synth.widgets.planes.anatomy import CAMERA_3D, VIEWS_3D
from napari_tumor_synth.widgets.planes.slice_pane import BACKGROUND

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QResizeEvent


class View3D(QWidget):
    """The brightest along each line of sight, seen from the front; the mouse turns it.

    Parameters
    ----------
    spacing_mm : float
    """

    def __init__(self, spacing_mm: float) -> None:
        super().__init__()
        self._spacing = spacing_mm
        self.model = ViewerModel(title="case", ndisplay=3)
        self.model.scene.camera.orientation = CAMERA_3D
        self.model.canvas.background_color_override = BACKGROUND
        self._view = QtViewer(self.model)
        self._view.dims.hide()
        self._part = draw_in_own_context(self.model.layers, self._view.canvas.native)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        for widget in self.findChildren(QWidget):
            widget.setAcceptDrops(False)
            widget.setToolTip("")
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_image(self, array: NDArray[np.uint8]) -> None:
        """Show an ROI (S, A, R), from the front."""
        if not self.model.layers:
            self.model.layers.append(
                Image(
                    array,
                    name="case",
                    scale=(self._spacing,) * 3,
                    contrast_limits=(0, 255),
                    rendering="attenuated_mip",
                )
            )
        else:
            self.model.layers[0].data = array
        view, up = VIEWS_3D["A"]
        self.model.fit_to_view()
        self.model.scene.camera.set_view_direction(view, up)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep all of the grid in view, also where there is little width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.model.layers:
            side_mm = max(self.model.layers[0].data.shape) * self._spacing
            self.model.scene.camera.zoom = min(self.width(), self.height()) / side_mm

    @no_long_search()
    def close_view(self) -> None:
        """Close the canvas; the widget is of no use afterwards."""
        self.model.layers.clear()
        self._part()
        self._view.close()
        self._view.setParent(None)
        del self._view, self._part
