"""The windows of images: the one each came with, and what mouse and presets made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_tumor_synth.widgets.planes.window_level import (
    PRESETS,
    Limits,
    dragged,
    extremes_of,
    kept_near,
    limits_of,
)

if TYPE_CHECKING:
    from napari.components import LayerList
    from numpy.typing import NDArray

NO_PRESET = -1


@dataclass
class _Known:
    """How an image came: its window, and the range of napari's slider for it."""

    window: Limits
    range: Limits
    extremes: Limits | None = None  # of its voxels, once they are needed
    preset: tuple[int, Limits] | None = None


class ImageWindows(QObject):
    """Changes the window of the image on top, and knows the way back.

    The drag of the mouse is as fast as the image came, however far it went: napari's range widens
    with every window beyond it.

    Parameters
    ----------
    layers : LayerList
        Followed until `close`.
    counts : callable
        Whether an image can be the one on top.
    """

    changed = Signal()  # another window, or another image on top

    def __init__(
        self, layers: LayerList, counts: Callable[[Image], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._layers, self._counts = layers, counts
        self._known: WeakKeyDictionary[Image, _Known] = WeakKeyDictionary()
        self._fresh: list[Image] = []  # with new voxels, whose window follows at once
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._learn)
        self._list_events = (
            (layers.events.inserted, self._on_inserted),
            (layers.events.removed, self._on_removed),
            (layers.events.reordered, self._tell),
        )
        for event, callback in self._list_events:
            event.connect(callback)
        for layer in layers:
            self._follow(layer)
        self._learn()

    def close(self) -> None:
        """Stop following."""
        self._soon.stop()
        for event, callback in self._list_events:
            event.disconnect(callback)
        for layer in self._layers:
            self._let_go(layer)

    def on_top(self) -> Image | None:
        """Return the image whose window the mouse changes."""
        images = (one for one in reversed(self._layers) if isinstance(one, Image))
        return next((one for one in images if one.visible and self._counts(one)), None)

    @property
    def preset(self) -> int:
        """Number of the preset that the image on top shows, NO_PRESET if none."""
        layer = self.on_top()
        known = None if layer is None else self._known.get(layer)
        if layer is None or known is None or known.preset is None:
            return NO_PRESET
        number, limits = known.preset
        return number if tuple(layer.contrast_limits) == limits else NO_PRESET

    def drag(self, right: float, up: float) -> None:
        """Change the window by a drag of the mouse, in pixels."""
        if (layer := self.on_top()) is None:
            return
        known = self._how_it_came(layer)
        if known.extremes is None:
            known.extremes = extremes_of(_voxels(layer))
        span = known.range[1] - known.range[0]
        low, high = layer.contrast_limits
        bounds = (min(*known.range, *known.extremes), max(*known.range, *known.extremes))
        layer.contrast_limits = kept_near(bounds, dragged((low, high), right, up, span))

    def choose(self, number: int) -> None:
        """Show a preset."""
        if (layer := self.on_top()) is not None:
            layer.contrast_limits = limits_of(PRESETS[number], _voxels(layer))
            self._how_it_came(layer).preset = number, tuple(layer.contrast_limits)
        self.changed.emit()

    def reset(self) -> None:
        """Show the window that the image came with."""
        if (layer := self.on_top()) is not None:
            known = self._how_it_came(layer)
            layer.contrast_limits = known.window
            layer.contrast_limits_range = known.range

    def _how_it_came(self, layer: Image) -> _Known:
        self._learn()
        return self._known[layer]

    def _learn(self) -> None:
        for layer in self._fresh:
            low, high = layer.contrast_limits_range
            self._known[layer] = _Known(tuple(layer.contrast_limits), (low, high))
        self._fresh.clear()
        self.changed.emit()

    def _follow(self, layer: Any) -> None:
        if isinstance(layer, Image):
            self._fresh.append(layer)
            layer.events.data.connect(self._on_data)
            layer.events.contrast_limits.connect(self._tell)
            layer.events.visible.connect(self._tell)

    def _let_go(self, layer: Any) -> None:
        if isinstance(layer, Image):
            layer.events.data.disconnect(self._on_data)
            layer.events.contrast_limits.disconnect(self._tell)
            layer.events.visible.disconnect(self._tell)

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)
        self._learn()

    def _on_removed(self, event: Any) -> None:
        self._let_go(event.value)
        self._fresh = [layer for layer in self._fresh if layer is not event.value]
        self.changed.emit()

    def _on_data(self, event: Any) -> None:
        self._fresh.append(event.source)
        self._soon.start(0)

    def _tell(self, event: Any = None) -> None:
        self.changed.emit()


def _voxels(layer: Image) -> NDArray[Any]:
    return np.asarray(layer.data[-1] if layer.multiscale else layer.data)  # the coarsest of several
