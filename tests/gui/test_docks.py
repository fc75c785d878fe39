"""Where docks stand, and what comes back when it is opened again."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

from napari_tumor_synth.widgets.arrange import window_of
from napari_tumor_synth.widgets.single_panels import CaseWidget, GenerateWidget, PlanesWidget
from napari_tumor_synth.widgets.workbench import Workbench

pytestmark = pytest.mark.gui

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
        docked_by_the_menu(viewer, widget, name)
        for widget, name in zip(widgets, ("Case", "Generate"), strict=True)
    ]
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
