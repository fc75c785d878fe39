"""Writes down what a reader does with the pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from napari_tumor_synth.study.reading import Reading
    from napari_tumor_synth.widgets.reading.case_page import CasePage

_STILL_SHOWN_MS = 1000  # by which a killed program's time on screen is known
_SAVE_MS = 300  # a wheel makes many notes a second, and a disk needs some ms for each


class NoteTaker(QObject):
    """Notes slices, windows, zooms, layouts, 3D views and the end of the time.

    Parameters
    ----------
    reading : Reading
    case : CasePage
    is_on_screen : callable
        Whether the case at hand is; else nothing is noted.
    guarded : callable
        Does something that may fail, and tells the reader if it does.
    """

    def __init__(
        self,
        reading: Reading,
        case: CasePage,
        is_on_screen: Callable[[], bool],
        guarded: Callable[[Callable[[], None]], object],
    ) -> None:
        super().__init__(case)
        self._reading, self._is_on_screen, self._guarded = reading, is_on_screen, guarded
        self._touched = False
        self._save = QTimer(self)
        self._save.setSingleShot(True)
        self._save.timeout.connect(lambda: guarded(reading.save))
        self._still_shown = QTimer(self)
        self._still_shown.timeout.connect(lambda: self._write("still_shown"))
        self._still_shown.start(_STILL_SHOWN_MS)
        panes = case.panes
        panes.slice_changed.connect(lambda plane, at: self._note("slice", plane=plane, index=at))
        panes.window_changed.connect(lambda low, high: self._note("window", low=low, high=high))
        panes.zoomed.connect(lambda times: self._note("zoom", times=times))
        panes.maximised.connect(lambda plane: self._note("layout", maximised=plane))
        case.shown_in_3d.connect(lambda on: self._note("view_3d", on=on))
        case.time_left.is_up.connect(lambda: self._note("time_up"))

    def begin_case(self) -> None:
        """Another case is coming; what is touched next is its first input."""
        self._touched = False

    def end(self) -> None:
        """Note nothing more."""
        self._save.stop()
        self._still_shown.stop()

    def _note(self, event: str, **details: object) -> None:
        if not self._is_on_screen() or self._reading.phase not in ("training", "case"):
            return
        if not self._touched and event != "time_up":
            self._touched = True
            self._guarded(lambda: self._reading.note("first_input"))
        self._write(event, **details)

    def _write(self, event: str, **details: object) -> None:
        if not self._is_on_screen() or self._reading.phase not in ("training", "case"):
            return
        self._guarded(lambda: self._reading.note(event, **details))
        if not self._save.isActive():
            self._save.start(_SAVE_MS)
