"""The layers that a scene has put into a viewer, by what they are for."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer

from napari_tumor_synth.widgets.layer_data import is_same

if TYPE_CHECKING:
    from napari.types import LayerData
    from napari.viewer import Viewer

_KEPT = ("axis_labels", "units")  # the same in all of them


class ShownLayers:
    """Adds, changes and removes layers, and knows which of them a user has removed.

    A layer that takes the place of another of its kind is that layer with other voxels: napari
    needs far longer for a new one.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer_ref = weakref.ref(viewer)  # it outlives no viewer, and keeps none
        self._layers: dict[Hashable, Layer] = {}

    @property
    def _viewer(self) -> Viewer:
        viewer = self._viewer_ref()
        assert viewer is not None
        return viewer

    def __iter__(self) -> Iterator[tuple[Hashable, Layer]]:
        return iter(list(self._layers.items()))

    def get(self, key: Hashable) -> Layer | None:
        """Return the layer for something, if there is one."""
        return self._layers.get(key)

    def key_of(self, layer: Layer | None) -> Hashable | None:
        """Return what a layer is for; None if it is nobody's here."""
        return next((key for key, one in self._layers.items() if one is layer), None)

    def put(self, key: Hashable, made: LayerData) -> None:
        """Show a layer for something, in the place of what was shown for it."""
        data, attributes, kind = made
        layer = self._layers.get(key)
        if layer is not None and type(layer).__name__.lower() == kind:
            _change(layer, data, attributes)
            return
        self.drop(key)
        layer = Layer.create(data, attributes, kind)
        self._viewer.add_layer(layer)  # which makes it the active one: nobody chose it
        self._layers[key] = layer

    def place(self, key: Hashable, attributes: Mapping[str, Any]) -> None:
        """Move what is shown for something to where these attributes say."""
        if (layer := self._layers.get(key)) is not None:
            layer.metadata.update(attributes["metadata"])
            for name in ("scale", "translate"):
                if not is_same(attributes[name], getattr(layer, name)):
                    setattr(layer, name, attributes[name])

    def tidy(self) -> None:
        """Forget layers that were removed while nobody looked."""
        present = list(self._viewer.layers)
        self._layers = {key: layer for key, layer in self._layers.items() if layer in present}

    def drop(self, key: Hashable) -> None:
        """Show nothing for something."""
        layer = self._layers.pop(key, None)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def forget(self, layer: Layer) -> Hashable | None:
        """Return what a layer was for that somebody else has removed."""
        key = self.key_of(layer)
        self._layers.pop(key, None)
        return key


def show(layer: Layer, visible: bool) -> None:
    """Show a layer or not; napari draws anew even when nothing changes."""
    if layer.visible != visible:
        layer.visible = visible


def _change(layer: Layer, data: object, attributes: dict[str, object]) -> None:
    wanted = {"visible": True, **attributes}
    visible = bool(wanted.pop("visible"))
    show(layer, False)  # so that it is drawn once, at the end
    layer.data = data
    if isinstance(layer, Labels):
        layer.show_selected_label = False
    if "contrast_limits" in wanted:
        layer.contrast_limits_range = wanted["contrast_limits"]
    for name, value in wanted.items():
        if name not in _KEPT and not is_same(value, getattr(layer, name)):
            setattr(layer, name, value)
    show(layer, visible)
