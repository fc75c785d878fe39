"""The layers of one viewer in another one, as far as they have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels

from napari_tumor_synth.widgets.planes.layer_copy import LayerCopy, kind_of

if TYPE_CHECKING:
    from napari.components import LayerList, ViewerModel


class LayerMirror:
    """Keeps copies of the image and labels layers of one list in another viewer, in its order.

    A layer gets a copy when it is first visible. Copies of hidden layers are handed on to layers
    that become visible, the longest hidden first. Layers of other kinds are left out: planes show
    voxels.

    Parameters
    ----------
    source : LayerList
        Layers that are followed until `close`.
    target : ViewerModel
        Viewer that holds the copies and nothing else.
    """

    def __init__(self, source: LayerList, target: ViewerModel) -> None:
        self._source, self._target = source, target
        self._copies: list[LayerCopy] = []  # those last in use last
        self._followed: list[Image | Labels] = []
        source.events.inserted.connect(self._refresh)
        source.events.removed.connect(self._refresh)
        source.events.reordered.connect(self._refresh)
        self._refresh()

    def close(self) -> None:
        """Stop following."""
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
        self._follow([layer for layer in self._source if isinstance(layer, Image | Labels)])
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
        """Keep one copy a kind without a layer: the next case or sample takes it."""
        copy.let_go()
        for other in [one for one in self._copies if one.source is None and one is not copy]:
            if other.kind == copy.kind:
                self._copies.remove(other)
                self._drop(other)

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
        wanted = [copy.layer for copy in self._copies if copy.source is None]
        found = (self._copy_of(layer) for layer in self._followed)
        wanted += [copy.layer for copy in found if copy is not None]
        for place, layer in enumerate(wanted):
            if self._target.layers[place] is not layer:
                self._target.layers.move(self._target.layers.index(layer), place)

    def _drop(self, copy: LayerCopy) -> None:
        copy.let_go()
        if copy.layer in self._target.layers:
            self._target.layers.remove(copy.layer)
