"""Which ROI the Compare panel is about: the layer that was chosen last, as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.compare.queries import Query, query_of

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tumor_synth.widgets.scene import Scene


class ChosenRoi(QObject):
    """The active layer if the user opened it; otherwise that of what the session has selected.

    Parameters
    ----------
    scene : Scene

    Attributes
    ----------
    query : Query or None
    problem : TumorSynthError or None
        Why the chosen layer is no query.
    """

    changed = Signal()  # another ROI, other voxels, or none

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._layer: Layer | None = None
        self.query: Query | None = None
        self.problem: TumorSynthError | None = None
        self._soon = QTimer(self)  # once the scene has followed, too
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        session, layers = scene.session, scene.viewer.layers
        self._links: tuple[tuple[Any, Any], ...] = (
            (session.selected_changed, self._look_soon),
            (session.roi_changed, self._look_soon),
            (layers.selection.events.active, self._look_soon),
            (layers.events.removed, self._look_soon),
        )
        for signal, slot in self._links:
            signal.connect(slot)
        self._look()

    def close(self) -> None:
        """Follow nothing any more."""
        self._soon.stop()
        self._follow(None)
        for signal, slot in self._links:
            signal.disconnect(slot)

    def _look_soon(self, event: Any = None) -> None:
        self._soon.start(0)

    def _look(self) -> None:
        layer, thing = self._chosen()
        self._follow(layer)
        query: Query | None = None
        problem: TumorSynthError | None = None
        if layer is not None:
            try:
                query = query_of(self._scene.session, layer, thing)
            except TumorSynthError as error:
                problem = error
        if _state(query, problem) != _state(self.query, self.problem):
            self.query, self.problem = query, problem
            self.changed.emit()

    def _chosen(self) -> tuple[Layer | None, Any]:
        """Return a layer, and what the session knows it by."""
        active = self._scene.viewer.layers.selection.active
        if isinstance(active, Image) and active.ndim == 3 and not self._scene.shows(active):
            return active, None
        selected = self._scene.session.selected
        return self._scene.layer_of(selected), selected

    def _follow(self, layer: Layer | None) -> None:
        if layer is self._layer:
            return
        for old, connect in ((self._layer, False), (layer, True)):
            if old is not None:
                events = old.events
                for event in (events.data, events.set_data, events.scale, events.name):
                    (event.connect if connect else event.disconnect)(self._look_soon)
        self._layer = layer


def _state(query: Query | None, problem: TumorSynthError | None) -> tuple[Any, ...]:
    return (query and (query.name, query.state), problem and str(problem))
