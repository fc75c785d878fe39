"""Where the docks of a window stand."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_NAPARI = ("layer controls", "layer list")
_OURS = ("Tumor Synth", "(Tumor Synth)")  # as the program and napari's menu name docks


def window_of(dock: QWidget) -> QMainWindow | None:
    """Return the main window that a dock belongs to."""
    above = dock.parent()
    while above is not None and not isinstance(above, QMainWindow):
        above = above.parent()
    return above


def share_the_left_side(steps: QDockWidget) -> None:
    """Put the steps over other docks as tabs: a laptop's screen is too low for several."""
    window = window_of(steps)
    if window is None:
        return
    left = Qt.DockWidgetArea.LeftDockWidgetArea
    if window.dockWidgetArea(steps) != left:
        window.addDockWidget(left, steps)
    for dock in window.findChildren(QDockWidget):
        ours = dock.objectName().endswith(_OURS) and window.dockWidgetArea(dock) == left
        if dock is not steps and (ours or dock.objectName() in _NAPARI):
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
