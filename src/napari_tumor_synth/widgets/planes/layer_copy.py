"""The copy of one layer in another viewer: the same array, and the same look."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_tumor_synth.widgets.layer_data import is_same

_PLACE = ("scale", "translate", "rotate", "shear", "affine")
_FIXED = ("axis_labels", "units")
_COMMON = ("name", *_PLACE, "opacity", "blending")
_OF_IMAGES = (*_COMMON, "contrast_limits", "colormap", "gamma", "interpolation2d")
_OF_LABELS = (*_COMMON, "colormap", "contour", "show_selected_label", "selected_label")


def kind_of(layer: Image | Labels) -> Hashable:
    """Return what two layers share if one copy can show now this one and now that one."""
    special = layer.multiscale or layer.ndim != 3 or getattr(layer, "rgb", False)
    same = (type(layer), np.dtype(layer.dtype), layer.axis_labels, tuple(map(str, layer.units)))
    return id(layer) if special else same


class LayerCopy:
    """Follows a layer, and another one later: a canvas needs far longer for a new layer.

    Changes of the look in the copy (window and level by the mouse) go back to the layer.

    Parameters
    ----------
    source : Image or Labels
        What is followed first.
    """

    def __init__(self, source: Image | Labels) -> None:
        about: dict[str, Any] = {name: getattr(source, name) for name in (*_PLACE, *_FIXED)}
        if isinstance(source, Image):
            about["rgb"] = source.rgb  # three or four colours are not a fourth axis
        self.layer: Image | Labels = type(source)(source.data, **about)
        self.source: Image | Labels | None = None
        self._links: list[tuple[Any, Any]] = []
        self._passing = False
        self.follow(source)

    @property
    def kind(self) -> Hashable:
        """What it can show; see `kind_of`."""
        return kind_of(self.layer)

    def follow(self, source: Image | Labels) -> None:
        """Show this layer from now on."""
        self.let_go()
        names = _OF_LABELS if isinstance(source, Labels) else _OF_IMAGES
        if self.layer.data is not source.data:
            self.layer.data = source.data
        if isinstance(source, Image):
            self.layer.contrast_limits_range = source.contrast_limits_range
        for name in names:
            if not is_same(wanted := getattr(source, name), getattr(self.layer, name)):
                setattr(self.layer, name, wanted)  # each makes napari place all layers anew
        for name in names:
            self._link(source, self.layer, name)
            self._link(self.layer, source, name)
        self._link(source, self.layer, "data")
        self._connect(source.events.visible, self._show_or_hide)
        if isinstance(source, Labels):
            self._connect(source.events.labels_update, self._repaint)
        self.source = source
        self._show_or_hide()

    def let_go(self) -> None:
        """Follow nothing, and show nothing."""
        for emitter, callback in self._links:
            emitter.disconnect(callback)
        self._links.clear()
        if self.source is not None and self.layer.visible:
            self.layer.visible = False
        self.source = None

    def _show_or_hide(self, event: Any = None) -> None:
        """Be visible like the layer, but draw nothing in slices that it does not reach.

        There napari has one voxel of 0 for it, and draws that when a layer becomes visible; told
        again that this is what the layer has there, it does not.
        """
        if self.source is None or self.layer.visible == self.source.visible:
            return
        self.layer.visible = self.source.visible
        if self.layer.visible:
            self.layer.events.set_data()

    def _repaint(self, event: Any) -> None:
        self.layer.refresh()  # voxels were painted into the shared array

    def _link(self, giver: Layer, taker: Layer, name: str) -> None:
        def pass_on(event: Any) -> None:
            if self._passing:
                return
            self._passing = True
            try:
                setattr(taker, name, getattr(giver, name))
            finally:
                self._passing = False

        self._connect(getattr(giver.events, name), pass_on)

    def _connect(self, emitter: Any, callback: Any) -> None:
        emitter.connect(callback)
        self._links.append((emitter, callback))
