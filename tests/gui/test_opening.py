"""Opening from napari's menu, several at a time, and closing in any order."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_tumor_synth.widgets.session import session_of
from napari_tumor_synth.widgets.workbench import Workbench
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui

WIDGETS = ("Workbench", "Case", "ROI", "Generate", "Importance", "Train", "Planes")


@pytest.mark.parametrize("name", WIDGETS)
def test_every_widget_opens_from_naparis_menu(make_napari_viewer, qtbot, name):
    """napari hands a proxy of the viewer to widgets that it opens itself."""
    viewer = make_napari_viewer(show=True)
    dock, widget = viewer.window.add_plugin_dock_widget("napari-tumor-synth", name)
    assert session_of(viewer) is session_of(widget._viewer)
    assert len(viewer.window.dock_widgets) == 2  # the panel and the planes
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not viewer.window.dock_widgets, timeout=5000)


def test_panels_that_napari_opens_share_their_session(make_napari_viewer, qtbot, case):
    viewer = make_napari_viewer(show=True)
    docks, panels = zip(
        *(viewer.window.add_plugin_dock_widget("napari-tumor-synth", name)
          for name in ("Case", "ROI")),
        strict=True,
    )  # fmt: skip
    panels[0].panel.load([case])
    qtbot.waitUntil(lambda: session_of(viewer).roi is not None, timeout=20_000)
    assert panels[1].panel.session.roi is session_of(viewer).roi
    for dock in docks:
        viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not viewer.window.dock_widgets, timeout=5000)


def test_two_workbenches_of_one_viewer_show_the_same_and_outlive_each_other(bench, qtbot, case):
    viewer = bench.scene.viewer
    second = Workbench(viewer)
    dock = viewer.window.add_dock_widget(second, area="left", name="Second")
    assert (second.session, second.scene) == (bench.session, bench.scene)
    opened(bench, qtbot, case)
    assert len(viewer.layers) == 3  # not twice
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: len(viewer.window.dock_widgets) == 2, timeout=5000)
    generated(bench, qtbot, 5)
    assert "SYNTHETIC HGG seed 5" in viewer.layers


def test_workbenches_of_two_viewers_know_nothing_of_each_other(
    bench, make_napari_viewer, qtbot, case
):
    other = make_napari_viewer(show=True)
    second = Workbench(other)
    other.window.add_dock_widget(second, area="left")
    opened(bench, qtbot, case)
    assert second.session.case is None
    assert not other.layers
    second.close()
