"""Where docks stand, and what comes back when it is opened again."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_tumor_synth.widgets.arrange import window_of
from napari_tumor_synth.widgets.single_panels import CaseWidget, GenerateWidget, PlanesWidget
from napari_tumor_synth.widgets.workbench import Workbench

pytestmark = pytest.mark.gui

LEFT_BUTTON = Qt.MouseButton.LeftButton
LEFT = Qt.DockWidgetArea.LeftDockWidgetArea


def docked_by_the_menu(viewer, widget, name):
    """Dock a widget as napari does for all plugins."""
    dock = viewer.window.add_dock_widget(widget, name=f"{name} (Tumor Synth)")
    return dock


def area_of(dock):
    return window_of(dock).dockWidgetArea(dock)


@pytest.fixture
def viewer(make_napari_viewer, model, monkeypatch):
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(model.parent))
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    return viewer


@pytest.mark.parametrize("widget_class", [Workbench, CaseWidget])
def test_panels_go_to_the_left_and_leave_the_planes_their_half(viewer, qtbot, widget_class):
    widget = widget_class(viewer)
    dock = docked_by_the_menu(viewer, widget, "Case")
    qtbot.waitUntil(lambda: area_of(dock) == LEFT)
    qtbot.waitUntil(lambda: widget.scene.planes.view.width() >= 1366 // 2 - 2)
    widget.close()


def test_panels_share_the_left_as_tabs(viewer, qtbot):
    widgets = CaseWidget(viewer), GenerateWidget(viewer)
    docks = [
        docked_by_the_menu(viewer, widgets[0], "Case"),
        viewer.window.add_dock_widget(widgets[1], name="Generate (napari-tumor-synth)"),
    ]  # as the menu names docks, and as a program's call does
    window = window_of(docks[0])
    qtbot.waitUntil(lambda: docks[0] in window.tabifiedDockWidgets(docks[1]))
    names = {dock.objectName() for dock in window.tabifiedDockWidgets(docks[1])}
    assert {"layer list", "layer controls"} <= names
    assert window.height() <= 768, "the window grew beyond a laptop's screen"
    for widget in widgets:
        widget.close()


def test_planes_that_were_closed_come_back_by_the_menu(viewer, qtbot):
    bench = Workbench(viewer)
    docked_by_the_menu(viewer, bench, "Workbench")
    for _ in range(2):
        planes = PlanesWidget(viewer)
        dock = docked_by_the_menu(viewer, planes, "Planes")
        view = bench.scene.planes.view
        assert view is not None
        viewer.window.remove_dock_widget(view)
        qtbot.waitUntil(lambda: bench.scene.planes.view is None)
        qtbot.waitUntil(
            lambda dock=dock: dock not in window_of(bench.parent()).findChildren(QDockWidget)
        )  # or the menu would only show it again
    again = PlanesWidget(viewer)
    assert bench.scene.planes.view is not None
    again.close()
    bench.close()


def test_planes_keep_their_share_when_the_window_is_resized(viewer, qtbot):
    bench = Workbench(viewer)
    docked_by_the_menu(viewer, bench, "Workbench")
    window, view = window_of(bench.parent()), bench.scene.planes.view
    qtbot.waitUntil(lambda: abs(view.width() - 683) < 10)
    for width in (1500, 1200, 900, 1366):
        window.resize(width, 768)
        least = view.minimumSizeHint().width()
        wanted = max(least, window.width() / 2)
        qtbot.waitUntil(lambda wanted=wanted: abs(view.width() - wanted) < 10)
        assert window.centralWidget().width() >= 200
    border = QPoint(view.parent().geometry().left() - 2, 400)
    QTest.mousePress(window, LEFT_BUTTON, pos=border)
    border -= QPoint(60, 0)
    drag = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(border), QPointF(window.mapToGlobal(border)),
        Qt.MouseButton.NoButton, LEFT_BUTTON, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(window, drag)
    qtbot.waitUntil(lambda: view.width() > 720)
    QTest.mouseRelease(window, LEFT_BUTTON, pos=border)
    share = view.width() / window.width()
    window.resize(1500, 768)
    qtbot.waitUntil(lambda: abs(view.width() - share * 1500) < 15)
    bench.close()
