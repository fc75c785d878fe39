"""One scene a viewer, shared by its panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_tumor_synth.widgets.scene import Scene
from napari_tumor_synth.widgets.session import session_of
from napari_tumor_synth.widgets.shown_layers import ShownLayers

if TYPE_CHECKING:
    from napari.viewer import Viewer

_SHOWN: WeakKeyDictionary[Any, ShownLayers] = WeakKeyDictionary()
_SCENES: WeakKeyDictionary[Any, tuple[Scene, set[int]]] = WeakKeyDictionary()


def borrow_scene(viewer: Viewer, borrower: object) -> Scene:
    """Return the scene of a viewer, the same for all panels; it closes with the last of them."""
    if viewer not in _SCENES:
        shown = _SHOWN.setdefault(viewer, ShownLayers(viewer))  # layers outlive a closed scene
        shown.tidy()
        _SCENES[viewer] = Scene(viewer, session_of(viewer), shown), set()
    scene, borrowers = _SCENES[viewer]
    borrowers.add(id(borrower))
    return scene


def return_scene(viewer: Viewer, borrower: object, *, window_goes: bool = False) -> None:
    """Say that a panel needs the scene no more, because it or its window is closed."""
    if viewer not in _SCENES:
        return
    scene, borrowers = _SCENES[viewer]
    borrowers.discard(id(borrower))
    if not borrowers:
        del _SCENES[viewer]
        scene.close(window_goes=window_goes)
        scene.session.release()
