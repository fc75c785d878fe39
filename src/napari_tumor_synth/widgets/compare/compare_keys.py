"""Keys of a comparison: those of the planes, and one for each way to show two images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_tumor_synth.widgets.compare.compare_tools import MODE_KEYS
from napari_tumor_synth.widgets.planes.keys import Actions, bind_in, help_text
from napari_tumor_synth.widgets.planes.window_level import PRESETS

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.compare.compare_tools import Mode
    from napari_tumor_synth.widgets.compare.pair_panes import PairPanes

_HELP = (
    "<p><b>s</b> side by side, <b>w</b> swipe, <b>d</b> difference. Swiping, drag the green line "
    "or move the slider. In differences, the right button changes the ends of the colours.</p>"
)


def bind_modes(widget: QWidget, set_mode: Callable[[Mode], None]) -> None:
    """Bind the keys that say how images are shown, in a widget and what is in it."""
    for mode, key in MODE_KEYS.items():
        shortcut = QShortcut(QKeySequence(key), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(partial(set_mode, mode))


def bind_panes(
    panes: PairPanes,
    *,
    reset: Callable[[], None],
    ruler: Callable[[], None],
    choose_window: Callable[[int], None],
) -> None:
    """Bind the keys of the planes in panes; sliders and lists beside them keep their arrows."""
    actions: Actions = {
        "next": lambda: panes.under_mouse().step(1),
        "previous": lambda: panes.under_mouse().step(-1),
        "reset": reset,
        "segmentation": lambda: None,  # there is none
        "maximise": lambda: panes.maximise(panes.under_mouse().plane),
        "ruler": ruler,
        **{preset.key: partial(choose_window, number) for number, preset in enumerate(PRESETS)},
    }
    bind_in(panes, actions)


def help_on_keys() -> str:
    """Return what mouse and keys do, as HTML."""
    return _HELP + help_text()
