"""Where the comparison stands: a tab beside the planes, while there is something to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tumor_synth.widgets.arrange import dock_of, halve, window_of
from napari_tumor_synth.widgets.compare.compare_view import CompareView

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.compare.pair import Pair
    from napari_tumor_synth.widgets.scene import Scene

NAME = "Compare with real ROIs"


class CompareDock(QObject):
    """Opens the comparison when it is needed, and closes it.

    Parameters
    ----------
    scene : Scene
        Says on which side the patient's right is.
    """

    closed = Signal()

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self.view: CompareView | None = None
        self._ended = False
        self._soon = QTimer(self)  # not in the midst of a click of the view that goes
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.close)
        scene.planes.convention_changed.connect(self._on_convention)

    def show(self, pair: Pair) -> None:
        """Show a pair, in a dock that comes to the front."""
        if self.view is None:
            self._open()
        assert self.view is not None
        self.view.show_pair(pair)
        dock = dock_of(self.view)
        if dock is not None:
            dock.show()
            dock.raise_()

    def clear(self) -> None:
        """Take both images away; the dock stays."""
        if self.view is not None:
            self.view.show_pair(None)

    def close(self, *, window_goes: bool = False) -> None:
        """Close the dock with what it shows."""
        if (view := self.view) is None:
            return
        view.close()
        if not window_goes:
            self._scene.viewer.window.remove_dock_widget(view)

    def end(self, *, window_goes: bool = False) -> None:
        """Close, and open no more."""
        if self._ended:
            return
        self._ended = True
        self._soon.stop()
        self._scene.planes.convention_changed.disconnect(self._on_convention)
        self.close(window_goes=window_goes)

    def _open(self) -> None:
        self.view = view = CompareView(self._scene.planes.convention)
        view.closed.connect(self._on_closed)
        view.tools.close_asked.connect(lambda: self._soon.start(0))
        dock = self._scene.viewer.window.add_dock_widget(view, area="right", name=NAME)
        planes = None if self._scene.planes.view is None else dock_of(self._scene.planes.view)
        window = window_of(dock)
        if planes is not None and window is not None:
            window.tabifyDockWidget(planes, dock)
        else:
            halve(dock)

    def _on_closed(self) -> None:
        self.view = None
        self.closed.emit()

    def _on_convention(self, convention: str) -> None:
        if self.view is not None:
            self.view.set_convention(self._scene.planes.convention)
