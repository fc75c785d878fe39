"""The layers of one viewer in another one, as far as they have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.planes.extent import is_in_planes
from napari_tumor_synth.widgets.planes.layer_copy import LayerCopy, kind_of

if TYPE_CHECKING:
    from napari.components import LayerList, ViewerModel
    from napari.layers import Image, Labels

_SPARED_MS = 3000  # that a copy without a layer is kept, and its voxels with it


class LayerMirror:
    """Keeps copies of the image and labels layers of one list in another viewer, in its order.

    A layer gets a copy when it is first visible. Copies of hidden layers are handed on to layers
    that become visible, the longest hidden first. Layers of other kinds, and those not in three
    dimensions, are left out: see `is_in_planes`.

    Parameters
    ----------
    source : LayerList
        Layers that are followed until `close`.
    target : ViewerModel
        Viewer that holds the copies and nothing else.
    owner : QObject
        What the copies are for; it owns the timer.
    """

    def __init__(self, source: LayerList, target: ViewerModel, owner: QObject) -> None:
        self._source, self._target = source, target
        self._copies: list[LayerCopy] = []  # those last in use last
        self._followed: list[Image | Labels] = []
        self._tidy = QTimer(owner)
        self._tidy.setSingleShot(True)
        self._tidy.timeout.connect(self._drop_spares)
        source.events.inserted.connect(self._refresh)
        source.events.removed.connect(self._refresh)
        source.events.reordered.connect(self._refresh)
        self._refresh()

    @no_long_search()
    def close(self) -> None:
        """Stop following."""
        self._tidy.stop()
        for emitter in (
            self._source.events.inserted,
            self._source.events.removed,
            self._source.events.reordered,
        ):
            emitter.disconnect(self._refresh)
        for layer in self._followed:
            layer.events.visible.disconnect(self._refresh)
        for copy in self._copies:
            self._drop(copy)
        self._followed, self._copies = [], []

    def _refresh(self, event: Any = None) -> None:
        self._follow([layer for layer in self._source if is_in_planes(layer)])
        for layer in self._followed:
            if layer.visible and self._copy_of(layer) is None:
                self._show(layer)
        self._put_in_order()

    def _follow(self, layers: list[Image | Labels]) -> None:
        for layer in set(self._followed) - set(layers):
            layer.events.visible.disconnect(self._refresh)
            if (copy := self._copy_of(layer)) is not None:
                self._spare(copy)
        for layer in set(layers) - set(self._followed):
            layer.events.visible.connect(self._refresh)
        self._followed = layers

    def _spare(self, copy: LayerCopy) -> None:
        """Keep a copy of a removed layer for a while: the next ROI or sample takes it."""
        copy.let_go()
        self._tidy.start(_SPARED_MS)

    @no_long_search()
    def _drop_spares(self) -> None:
        for copy in [copy for copy in self._copies if copy.source is None]:
            self._copies.remove(copy)
            self._drop(copy)

    def _show(self, layer: Image | Labels) -> None:
        free = [one for one in self._copies if one.kind == kind_of(layer) and not one.layer.visible]
        if free:
            copy = min(free, key=lambda one: one.source is not None)
            self._copies.remove(copy)
            copy.follow(layer)
        else:
            copy = LayerCopy(layer)
            self._target.layers.append(copy.layer)
        self._copies.append(copy)

    def _copy_of(self, layer: Image | Labels) -> LayerCopy | None:
        return next((copy for copy in self._copies if copy.source is layer), None)

    def _put_in_order(self) -> None:
        """Order the copies as their layers are, above those that nobody needs."""
        known = {copy.source: copy.layer for copy in self._copies}
        wanted = [copy.layer for copy in self._copies if copy.source is None]
        wanted += [known[layer] for layer in self._followed if layer in known]
        for place, layer in enumerate(wanted):
            if self._target.layers[place] is not layer:
                self._target.layers.move(self._target.layers.index(layer), place)

    def _drop(self, copy: LayerCopy) -> None:
        copy.let_go()
        if copy.layer in self._target.layers:
            self._target.layers.remove(copy.layer)
