"""What mouse and keys do, and where the keys work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_tumor_synth.widgets.planes.window_level import PRESETS

if TYPE_CHECKING:
    from napari.viewer import Viewer

SHORTCUTS = {
    "f": ("next", "next slice (superior, anterior, right)"),
    "Up": ("next", "next slice"),
    "Right": ("next", "next slice"),
    "b": ("previous", "previous slice"),
    "Down": ("previous", "previous slice"),
    "Left": ("previous", "previous slice"),
    "r": ("reset", "fit the image to the panes, and bring back the window it came with"),
    "g": ("segmentation", "show or hide the segmentation"),
    "v": ("maximise", "one pane large, or all"),
    "m": ("ruler", "measure in mm, or not; the ruler goes when it is off"),
    **{preset.key: (preset.key, f"window: {preset.name}") for preset in PRESETS},
}
"""Key to action and what it does, of the pane under the mouse."""

MOUSE = {
    "left": "moves the crosshair; measures with the ruler",
    "right": "window (sideways) and level (up and down)",
    "middle, or Shift with left": "moves the picture",
    "wheel": "changes the slice; with Control it zooms",
    "double click": "one pane large, or all",
}

Actions = Mapping[str, Callable[[], object]]


def help_text() -> str:
    """Return what mouse and keys do, as HTML."""
    rows = [(f"Mouse, {button}", text) for button, text in MOUSE.items()]
    rows += [(key, text) for key, (_, text) in SHORTCUTS.items()]
    cells = "".join(
        f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in rows
    )
    return f"<table>{cells}</table>"


def bind_in(widget: QWidget, actions: Actions) -> None:
    """Bind all keys in a widget and what is in it."""
    for key, (action, _) in SHORTCUTS.items():
        shortcut = QShortcut(QKeySequence(key), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(actions[action])


def bind_in_3d(viewer: Viewer, canvas: QWidget, actions: Actions) -> Callable[[], None]:
    """Bind the keys that napari leaves free while the 3D view has the focus.

    The keys of a viewer (v, left and right, and what the user has chosen) stay napari's, and so do
    those of the active layer, which napari asks first.

    Returns
    -------
    callable
        Ends it.
    """
    taken = {key for owner in type(viewer).__mro__ for key in vars(owner).get("class_keymap", ())}
    taken.update(viewer.keymap)
    free = {
        key: action for key, (action, _) in SHORTCUTS.items() if coerce_keybinding(key) not in taken
    }

    def bound(action: str) -> Callable[[object], None]:
        def act(viewer: object) -> None:
            if canvas.hasFocus():  # napari gets keys too that other widgets leave
                actions[action]()

        return act

    for key, action in free.items():
        viewer.bind_key(key, bound(action))

    def end() -> None:
        for key in free:
            viewer.bind_key(key, None)

    return end
