"""Panes for two images: three planes of each beside each other, or three planes of both in one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import LayerList
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QSizePolicy, QWidget

from napari_tumor_synth.widgets.compare.pair_content import Content, Key
from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.layer_data import AXIS_LABELS, UNITS, is_same
from napari_tumor_synth.widgets.planes.anatomy import (
    PLANES,
    Convention,
    Plane,
    edge_letters,
    mirrored_letters,
)
from napari_tumor_synth.widgets.planes.slice_pane import SlicePane
from napari_tumor_synth.widgets.turns import Turns

if TYPE_CHECKING:
    from napari.utils.colormaps import Colormap
    from numpy.typing import NDArray

    from napari_tumor_synth.widgets.compare.pair import Pair
    from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position

_AROUND = 0.06  # of a box, on each side, that is shown too
_ZOOMS = (0.1, 50.0)  # times as large as what fits
NOT_TO_SAVE = "Shown to be compared; it belongs to the gallery and is not to be saved."


class PairPanes(QWidget):
    """Each pane has layers of its own, which the viewer and its menus know nothing of.

    The panes are made one a turn after `make`, because each takes a good part of a second.

    Parameters
    ----------
    crosshair : Crosshair
        Of all panes.
    convention : {"radiological", "neurological"}
    """

    made = Signal()
    window_dragged = Signal(float, float)  # pixels to the right, and up

    def __init__(
        self, crosshair: Crosshair, convention: Convention, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._lists: dict[Key, LayerList] = {
            (column, plane): LayerList() for column in (0, 1) for plane in PLANES
        }
        self.panes: dict[Key, SlicePane] = {}
        self._crosshair, self._convention = crosshair, convention
        self._turns, self._closed = Turns(self), False
        self._mirror: int | None = None
        self._maximised: Plane | None = None
        self._columns = 2
        self._magnified = 1.0
        everything = QSizePolicy.Policy.Expanding  # or napari would give half of it to nothing
        self.setSizePolicy(everything, everything)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)

    def make(self) -> None:
        """Begin to make the panes; `made` tells when they are there."""
        self._turns.add(*(partial(self._make, key) for key in self._lists), self._finish)

    @property
    def layers(self) -> tuple[Image, ...]:
        """All that is shown."""
        return tuple(layer for layers in self._lists.values() for layer in layers)

    def layer(self, key: Key) -> Image | None:
        """Return what a pane shows."""
        return next(iter(self._lists[key]), None)

    def fill(self, pair: Pair | None, content: Content) -> None:
        """Show this of a pair, and nothing else."""
        for key, layers in self._lists.items():
            if pair is None or key not in content.images:
                with no_long_search():
                    layers.clear()
            else:
                self._put(key, content.images[key], pair, content.kinds[key[0]])
        for key, pane in self.panes.items():
            pane.overlay.content.badges = content.badges[key[0]]
            pane.overlay.update()

    def look(self, colours: Colormap, limits: tuple[float, float]) -> None:
        """Show all images in these colours, between these values."""
        for layer in self.layers:
            if layer.colormap.name != colours.name:
                layer.colormap = colours
            if not is_same(limits, layer.contrast_limits):
                layer.contrast_limits_range = limits
                layer.contrast_limits = limits

    def arrange(self, columns: int) -> None:
        """Lay the planes of two images side by side, or those of one image around each other."""
        self._columns = columns
        places: dict[Key, tuple[int, int, int, int]] = {
            (0, "axial"): (0, 0, 1, 2),
            (0, "coronal"): (1, 0, 1, 1),
            (0, "sagittal"): (1, 1, 1, 1),
        }
        if columns == 2:
            places = {key: (PLANES.index(key[1]), key[0], 1, 1) for key in self._lists}
        for key, pane in self.panes.items():
            self._grid.removeWidget(pane)
            if key in places:
                self._grid.addWidget(pane, *places[key])
        self._show_and_hide()

    def maximise(self, plane: Plane | None) -> None:
        """Give one plane all the space; again, or None, brings back all three."""
        self._maximised = None if plane == self._maximised else plane
        self._show_and_hide()

    def set_sides(self, convention: Convention, mirror: int | None) -> None:
        """Put the patient's right on one side, and name the sides of a mirrored chosen ROI."""
        self._convention, self._mirror = convention, mirror
        for (column, plane), pane in self.panes.items():
            pane.set_convention(convention)
            if column == 0 and self._columns == 2 and mirror is not None:
                letters = edge_letters(plane, convention)
                pane.overlay.content.letters = mirrored_letters(letters, plane, mirror)
                pane.overlay.update()

    def set_ruler(self, on: bool) -> None:
        """Measure with the left button, or not; the rulers go when it is off."""
        for pane in self.panes.values():
            pane.measures = on
        if not on:
            self.drop_rulers()

    def drop_rulers(self) -> None:
        """Forget what was measured: something else is shown."""
        for pane in self.panes.values():
            pane.show_ruler(None)

    def fit(self, box: tuple[Position, Position]) -> None:
        """Show a box between two corners (S, A, R) in mm in each pane, the letters around it."""
        self._magnified = 1.0
        low, high = np.array(box)
        around = (high - low) * _AROUND
        corners = [tuple(corner.tolist()) for corner in (low - around, high + around)]
        for pane in self.panes.values():
            pane.fit(corners[0], corners[1])

    def under_mouse(self) -> SlicePane:
        """Return the pane that keys are meant for."""
        panes = self.panes.values()
        return next((pane for pane in panes if pane.underMouse()), self.panes[0, "axial"])

    @no_long_search()
    def close_panes(self) -> None:
        """Close the canvases, which would outlive their widget."""
        self._closed = True
        for layers in self._lists.values():
            layers.clear()
        for pane in self.panes.values():
            pane.close_view()

    def _put(self, key: Key, image: NDArray[Any], pair: Pair, kind: str) -> None:
        layer = self.layer(key)
        place: dict[str, Any] = {"scale": (pair.spacing_mm,) * 3, "translate": pair.first}
        about = {"kind": kind, "description": NOT_TO_SAVE}
        if layer is None:
            added = Image(
                image,
                name=kind,
                metadata=about,
                axis_labels=AXIS_LABELS,
                units=UNITS,
                interpolation2d="nearest",
                **place,
            )
            self._lists[key].append(added)
            return
        layer.data, layer.metadata = image, about
        for name, wanted in {**place, "name": kind}.items():
            if not is_same(wanted, getattr(layer, name)):  # each makes napari place all anew
                setattr(layer, name, wanted)

    def _make(self, key: Key) -> None:
        if self._closed:
            return
        pane = SlicePane(key[1], self._lists[key], self._crosshair, self._convention)
        pane.maximise_asked.connect(lambda: self.maximise(key[1]))
        pane.window_dragged.connect(self.window_dragged)
        pane.zoom_asked.connect(self._zoom)
        self.panes[key] = pane
        self.arrange(self._columns)

    def _finish(self) -> None:
        if not self._closed:
            self.made.emit()

    def _show_and_hide(self) -> None:
        for (column, plane), pane in self.panes.items():
            wanted = column < self._columns and self._maximised in (None, plane)
            pane.setVisible(wanted)
        for row in range(3):
            used = [
                pane.plane
                for pane in self.panes.values()
                if not pane.isHidden() and self._row_of(pane) == row
            ]
            self._grid.setRowStretch(row, 1 if used else 0)
        for column in (0, 1):
            self._grid.setColumnStretch(column, 1)

    def _row_of(self, pane: SlicePane) -> int:
        place = self._grid.indexOf(pane)
        return -1 if place < 0 else int(self._grid.getItemPosition(place)[0])

    def _zoom(self, times: float) -> None:
        smallest, largest = _ZOOMS
        self._magnified = min(max(self._magnified * times, smallest), largest)
        for pane in self.panes.values():
            pane.magnify(self._magnified)
