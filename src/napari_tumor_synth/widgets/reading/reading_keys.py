"""Keys of the reading window: all of a reading can be done without the mouse."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication, QLineEdit, QWidget

from napari_tumor_synth.widgets.planes.window_level import PRESETS

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent

_KEY = Qt.Key
KEYS: dict[Qt.Key, str] = {
    _KEY.Key_Return: "confirm",
    _KEY.Key_Enter: "confirm",
    _KEY.Key_Up: "next",
    _KEY.Key_F: "next",
    _KEY.Key_Down: "previous",
    _KEY.Key_B: "previous",
    _KEY.Key_PageUp: "far next",
    _KEY.Key_PageDown: "far previous",
    _KEY.Key_Right: "next plane",
    _KEY.Key_Left: "previous plane",
    _KEY.Key_Space: "cine",
    _KEY.Key_R: "reset",
    _KEY.Key_V: "maximise",
    _KEY.Key_D: "3d",
    _KEY.Key_X: "crosshair",
    _KEY.Key_P: "pause",
    _KEY.Key_C: "comment",
    _KEY.Key_N: "cannot judge",
    _KEY.Key_Backspace: "back",
    **{getattr(_KEY, f"Key_{preset.key}"): f"preset {n}" for n, preset in enumerate(PRESETS)},
    **{getattr(_KEY, f"Key_{degree}"): f"rate {degree}" for degree in range(1, 7)},
}
"""Key to what is asked for."""

LEAVE_TEXT = "leave text"
_TOP_ROW = {"linux": 10, "win32": 2}
"""Scan code of the key that is 1 on most keyboards."""
_DEGREES, _NAMED = 6, 0x01000000  # from here on keys have no sign
_GO_ON_WHILE_HELD = ("next", "previous", "far next", "far previous")

HELP = (
    "1-6 rate · Enter confirm · ↑↓ or wheel slice · Page ↑↓ five slices · ←→ plane · Space cine · "
    "F1-F5 window · right drag window and level · R reset · V one plane · D 3D · X lines · "
    "C comment · N cannot judge · P pause"
)


def asked_by(key: int, *, alt: bool) -> str:
    """Return what a key asks for; empty if nothing."""
    try:
        asked = KEYS.get(_KEY(key), "")
    except ValueError:  # a key that Qt has no name for
        return ""
    if not alt:
        return asked
    return f"reason {int(asked[-1]) - 1}" if asked.startswith("rate ") else ""


def key_of(event: QKeyEvent) -> int:
    """Return a key; of the top row its digit, where the keyboard has another sign there."""
    key = int(event.key())
    place = int(event.nativeScanCode()) - _TOP_ROW.get(sys.platform, _NAMED)
    is_known = key >= _NAMED or (chr(key).isascii() and chr(key).isalnum())
    if is_known or not 0 <= place < _DEGREES:
        return key  # D may have any code on a distant screen
    return _KEY.Key_1.value + place


class KeysOfWindow(QObject):
    """Takes all keys that are pressed in a window, but those for a text.

    Parameters
    ----------
    window : QWidget
    ask : callable
        Is told what a key asks for; False if it has no use for it.
    """

    def __init__(self, window: QWidget, ask: Callable[[str], bool]) -> None:
        super().__init__(window)
        self._window, self._ask = window, ask
        self._app = QApplication.instance()
        if self._app is not None:
            self._app.installEventFilter(self)

    def end(self) -> None:
        """Take no more keys."""
        if self._app is not None:
            self._app.removeEventFilter(self)
            self._app = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take a key."""
        if event.type() != QEvent.Type.KeyPress or QApplication.activeWindow() is not self._window:
            return False
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            if event.key() != Qt.Key.Key_Escape:
                return False
            if not self._ask(LEAVE_TEXT):
                focus.clearFocus()
            return True
        held, named = event.modifiers(), Qt.KeyboardModifier
        alt = bool(held & named.AltModifier)
        if held & (named.ControlModifier | named.MetaModifier):
            return True  # no shortcut is a rating
        asked = asked_by(key_of(cast("QKeyEvent", event)), alt=alt)
        if alt and not asked:
            return False  # the window's own: to close it, to go to another
        if event.isAutoRepeat() and asked not in _GO_ON_WHILE_HELD:
            return True  # a held Enter must not go through feedback, breaks and cases
        return self._ask(asked)
