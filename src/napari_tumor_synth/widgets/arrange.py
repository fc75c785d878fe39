"""Where the docks of a window stand."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_tumor_synth.widgets.dock_share import DockShare

_Kind = TypeVar("_Kind", bound=QWidget)
_NAPARI = ("layer controls", "layer list")
_OURS = ("Tumor Synth", "(Tumor Synth)", "(napari-tumor-synth)")  # as menus and programs name docks


def window_of(dock: QWidget) -> QMainWindow | None:
    """Return the main window that a dock belongs to."""
    return _above(dock, QMainWindow)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that a widget stands in."""
    return _above(widget, QDockWidget)


def _above(widget: QWidget, kind: type[_Kind]) -> _Kind | None:
    above = widget.parent()
    while above is not None and not isinstance(above, kind):
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


def halve(planes: QDockWidget) -> None:
    """Give half of the window's width to the planes, also when the window is resized."""
    if (window := window_of(planes)) is not None:
        DockShare(planes, window)
