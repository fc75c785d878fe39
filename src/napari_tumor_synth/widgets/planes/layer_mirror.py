"""Copies of a viewer's layers in another viewer: the same arrays, and the same look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels, Layer

if TYPE_CHECKING:
    from napari.components import LayerList, ViewerModel

_COMMON = ("visible", "opacity", "blending", "scale", "translate")
_OF_IMAGES = (*_COMMON, "contrast_limits", "colormap", "gamma", "interpolation2d")
_OF_LABELS = (*_COMMON, "colormap", "contour", "show_selected_label", "selected_label")


class LayerMirror:
    """Keeps the image and labels layers of one list in another viewer, in the same order.

    Changes of the mirrored look in the copies (window and level by the mouse) go back to the
    source. Layers of other kinds are left out: planes show voxels.

    Parameters
    ----------
    source : LayerList
        Layers that are followed until `close`.
    target : ViewerModel
        Viewer that holds the copies and nothing else.
    """

    def __init__(self, source: LayerList, target: ViewerModel) -> None:
        self._source, self._target = source, target
        self._copies: dict[Layer, Layer] = {}
        self._links: dict[Layer, list[tuple[Any, Any]]] = {}
        self._passing = False
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
        for layer in list(self._copies):
            self._drop(layer)

    def _refresh(self, event: Any = None) -> None:
        wanted = [layer for layer in self._source if isinstance(layer, Image | Labels)]
        for layer in set(self._copies) - set(wanted):
            self._drop(layer)
        for layer in wanted:
            if layer not in self._copies:
                self._add(layer)
        order = [self._copies[layer] for layer in wanted]
        for place, copy in enumerate(order):
            if self._target.layers[place] is not copy:
                self._target.layers.move(self._target.layers.index(copy), place)

    def _add(self, layer: Layer) -> None:
        names = _OF_LABELS if isinstance(layer, Labels) else _OF_IMAGES
        look = {name: getattr(layer, name) for name in names if name in _AT_ONCE}
        copy = type(layer)(layer.data, name=layer.name, axis_labels=layer.axis_labels,
                           units=layer.units, **look)  # fmt: skip
        for name in names:
            setattr(copy, name, getattr(layer, name))
        self._target.layers.append(copy)
        self._copies[layer] = copy
        links = self._links[layer] = []
        for name in names:
            self._link(links, layer, copy, name)
            self._link(links, copy, layer, name)
        for name in ("data", "name"):
            self._link(links, layer, copy, name)

        def repaint(event: Any) -> None:  # voxels were painted into the shared array
            copy.refresh()

        if isinstance(layer, Labels):
            layer.events.labels_update.connect(repaint)
            links.append((layer.events.labels_update, repaint))

    def _link(self, links: list[tuple[Any, Any]], giver: Layer, taker: Layer, name: str) -> None:
        emitter = getattr(giver.events, name)

        def pass_on(event: Any) -> None:
            if self._passing:
                return
            self._passing = True
            try:
                setattr(taker, name, getattr(giver, name))
            finally:
                self._passing = False

        emitter.connect(pass_on)
        links.append((emitter, pass_on))

    def _drop(self, layer: Layer) -> None:
        for emitter, callback in self._links.pop(layer):
            emitter.disconnect(callback)
        copy = self._copies.pop(layer)
        if copy in self._target.layers:
            self._target.layers.remove(copy)


_AT_ONCE = ("scale", "translate")  # needed while a copy is made, so that it is placed once
