"""Where the docks of a window stand."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_NAPARI = ("layer controls", "layer list")


def window_of(dock: QWidget) -> QMainWindow | None:
    """Return the main window that a dock belongs to."""
    above = dock.parent()
    while above is not None and not isinstance(above, QMainWindow):
        above = above.parent()
    return above


def share_the_left_side(steps: QDockWidget) -> None:
    """Put the steps over napari's own docks as tabs: a laptop's screen is too low for all three."""
    window = window_of(steps)
    if window is None:
        return
    for name in _NAPARI:
        for dock in _docks(window, name):
            window.tabifyDockWidget(steps, dock)
    QTimer.singleShot(0, steps.raise_)  # once the tabs are there


def halve(planes: QDockWidget, steps: QDockWidget | None = None) -> None:
    """Give half of the window's width to the planes."""
    window = window_of(planes)
    if window is None:
        return
    docks, widths = [planes], [window.width() // 2]
    if steps is not None:
        docks, widths = [*docks, steps], [*widths, max(300, window.width() // 5)]
    window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)


def _docks(window: QMainWindow, name: str) -> list[QDockWidget]:
    return [dock for dock in window.findChildren(QDockWidget) if dock.objectName() == name]
