"""Three planes of one ROI, or of two beside each other: what a reader sees of a case, no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import LayerList
from napari.layers import Image
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.layer_data import AXIS_LABELS, UNITS
from napari_tumor_synth.widgets.planes.anatomy import ORDER, PLANES, Convention, Plane
from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position
from napari_tumor_synth.widgets.planes.extent import extent_of
from napari_tumor_synth.widgets.planes.slice_pane import SlicePane
from napari_tumor_synth.widgets.planes.window_level import PRESETS, Limits, dragged, limits_of
from napari_tumor_synth.widgets.reading.drawn import Drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.study.study_file import DisplayRecipe

WHOLE: Limits = (0.0, 255.0)
_AROUND = 0.1  # of the largest tumour, on each side, that is shown too
_ZOOMS = (0.2, 20.0)  # times as large as what fits
_NAME = "case"  # of every layer: nothing tells one from another


class CasePanes(QWidget):
    """Panes that are made once; cases come and go in them.

    Parameters
    ----------
    recipe : DisplayRecipe
        Of the study's display copies.
    columns : int
        1, or 2 for pairs.
    convention : {"radiological", "neurological"}
    """

    painted = Signal()  # all panes show what `show_images` gave them
    slice_changed = Signal(str, int)  # plane, index
    window_changed = Signal(float, float)
    zoomed = Signal(float)  # times as large as what fits
    maximised = Signal(str)  # plane, or empty

    def __init__(
        self, recipe: DisplayRecipe, columns: int, convention: Convention = "radiological"
    ) -> None:
        super().__init__()
        self._spacing, self._extent = recipe.spacing_mm, recipe.extent
        self._lists = [LayerList() for _ in range(columns)]
        self._blank = np.zeros(recipe.shape, np.uint8)
        for layers in self._lists:
            layers.append(self._layer())
        self.crosshair = Crosshair(lambda: extent_of(self._lists[0]))
        self.panes: dict[tuple[int, Plane], SlicePane] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for column, layers in enumerate(self._lists):
            for plane in PLANES:
                pane = SlicePane(plane, layers, self.crosshair, convention)
                self.panes[column, plane] = pane
                pane.window_dragged.connect(self._drag_window)
                pane.zoom_asked.connect(self._zoom)
                pane.maximise_asked.connect(lambda plane=plane: self.maximise(plane))
        self.active: Plane = "axial"
        self._maximised: Plane | None = None
        self._magnified = 1.0
        self.indices: dict[Plane, int] = {}  # of the slices that are shown
        self._window = WHOLE
        self._drawn = Drawn([pane.canvas for pane in self.panes.values()], self)
        self._drawn.all_drawn.connect(self.painted)
        self.crosshair.moved.connect(self._on_moved)
        self._arrange()
        self._keep_to_itself()

    @property
    def images(self) -> tuple[Image, ...]:
        """The layers, one a column."""
        return tuple(layers[0] for layers in self._lists)

    @property
    def window(self) -> Limits:
        """Levels that are black and white."""
        return self._window

    def show_images(self, arrays: Sequence[NDArray[np.uint8]]) -> None:
        """Show a case: the middle of the grid, in the whole window, fitted to the panes.

        `painted` tells when all panes have drawn it.
        """
        self._put(arrays)
        self._magnified = 1.0
        self.set_window(WHOLE)
        self.maximise(None)
        self.crosshair.move_to(self._middle())
        self.indices = {plane: self._index(plane) for plane in PLANES}
        self._tell_slices()
        self.fit()
        self._drawn.wait([pane.canvas for pane in self.panes.values() if pane.isVisible()])

    def put_back(self, arrays: Sequence[NDArray[np.uint8]]) -> None:
        """Show a case again that was hidden, at the same place and in the same window."""
        self._put(arrays)

    def reset(self) -> None:
        """Fit the case to the panes, in the whole window."""
        self._magnified = 1.0
        self.fit()
        self.set_window(WHOLE)

    def hide_images(self) -> None:
        """Show nothing, as in a pause."""
        self._put([self._blank] * len(self._lists))

    def step(self, slices: int) -> None:
        """Go some slices on in the active plane."""
        self.crosshair.shift(ORDER[self.active][0], slices * self._spacing)

    def activate(self, plane: Plane) -> None:
        """Let keys go to a plane, and mark it."""
        self.active = plane
        for (_, name), pane in self.panes.items():
            pane.overlay.content.badges = ("▶",) if name == plane else ()
            pane.overlay.update()

    def toggle_crosshair(self) -> None:
        """Draw the crosshair, or leave it out: its lines lie over the texture."""
        for pane in self.panes.values():
            content = pane.overlay.content
            content.shows_crosshair = not content.shows_crosshair
            pane.overlay.update()

    def choose_preset(self, number: int) -> None:
        """Show a preset of the window."""
        shown = np.concatenate([np.ravel(layer.data) for layer in self.images])
        self.set_window(limits_of(PRESETS[number], shown))

    def set_window(self, limits: Limits) -> None:
        """Show levels between two as black to white, in all panes."""
        low, high = min(max(limits[0], -255), 510), min(max(limits[1], -255), 510)
        if high - low < 1:
            return
        changed = (low, high) != self._window
        self._window = low, high
        for layer in self.images:
            layer.contrast_limits = self._window
        if changed:
            self.window_changed.emit(low, high)

    def fit(self) -> None:
        """Show in each pane what holds every tumour of the study: sizes can be compared."""
        half = [(0.5 + _AROUND) * size * self._spacing for size in self._extent]
        for pane in self.panes.values():
            pane.fit((-half[0], -half[1], -half[2]), (half[0], half[1], half[2]))

    def maximise(self, plane: Plane | None) -> None:
        """Give one plane all the space; again, or None, brings back all three."""
        wanted = None if plane == self._maximised else plane
        if wanted == self._maximised:
            return
        self._maximised = wanted
        self._arrange()
        self.maximised.emit(wanted or "")

    @no_long_search()
    def close_panes(self) -> None:
        """Close the canvases, which would outlive their widget."""
        self._drawn.close()
        for pane in self.panes.values():
            pane.close_view()
        for layers in self._lists:
            layers.clear()

    def _layer(self) -> Image:
        return Image(
            self._blank,
            name=_NAME,
            scale=(self._spacing,) * 3,
            translate=[-(size - 1) / 2 * self._spacing for size in self._blank.shape],
            axis_labels=AXIS_LABELS,
            units=UNITS,
            contrast_limits=WHOLE,
            interpolation2d="linear",
        )

    def _put(self, arrays: Sequence[NDArray[np.uint8]]) -> None:
        for layer, array in zip(self.images, arrays, strict=True):
            layer.data = array
            layer.contrast_limits_range = WHOLE
            layer.contrast_limits = self._window

    def _middle(self) -> Position:
        """Return the middle of the grid, on a voxel."""
        places = [size // 2 - (size - 1) / 2 for size in self._blank.shape]
        return tuple(place * self._spacing for place in places)  # type: ignore[return-value]

    def _arrange(self) -> None:
        places: dict[tuple[int, Plane], tuple[int, int]] = {}
        for column in range(len(self._lists)):
            if len(self._lists) == 2:
                places.update({(column, plane): (PLANES.index(plane), column) for plane in PLANES})
            else:
                places = {(0, plane): (0, PLANES.index(plane)) for plane in PLANES}
        for key, pane in self.panes.items():
            self._grid.removeWidget(pane)
            self._grid.addWidget(pane, *places[key])
            pane.setVisible(self._maximised in (None, key[1]))
        rows = {places[key][0] for key, pane in self.panes.items() if not pane.isHidden()}
        columns = {places[key][1] for key, pane in self.panes.items() if not pane.isHidden()}
        for number in range(3):
            self._grid.setRowStretch(number, int(number in rows))
            self._grid.setColumnStretch(number, int(number in columns))

    def _keep_to_itself(self) -> None:
        """Take no drops, show no tooltips, and leave all keys to the window."""
        for widget in self.findChildren(QWidget):
            widget.setAcceptDrops(False)
            widget.setToolTip("")
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _drag_window(self, right: float, up: float) -> None:
        self.set_window(dragged(self._window, right, up, WHOLE[1] - WHOLE[0]))

    def _zoom(self, times: float) -> None:
        smallest, largest = _ZOOMS
        self._magnified = min(max(self._magnified * times, smallest), largest)
        for pane in self.panes.values():
            pane.magnify(self._magnified)
        self.zoomed.emit(self._magnified)

    def _on_moved(self, position: Any) -> None:
        for plane, before in self.indices.items():
            if (index := self._index(plane)) != before:
                self.indices[plane] = index
                self.slice_changed.emit(plane, index)
        self._tell_slices()

    def _tell_slices(self) -> None:
        for (_, plane), pane in self.panes.items():
            if plane in self.indices:
                count = self._blank.shape[ORDER[plane][0]]
                pane.overlay.content.text = f"{self.indices[plane] + 1} of {count}"
                pane.overlay.update()

    def _index(self, plane: Plane) -> int:
        axis = ORDER[plane][0]
        place = self.crosshair.position[axis] / self._spacing
        return round(place + (self._blank.shape[axis] - 1) / 2)
