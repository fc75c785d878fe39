"""Previews of a training in the viewer: where they lie, and that they change in place."""

import numpy as np
import pytest

from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.training.runs.previews import Preview
from napari_tumor_synth.widgets.training.preview_layers import ShownPreview, preview_rows
from napari_tumor_synth.widgets.workbench import Workbench
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui


def preview(kind="reconstructions", mark=0.5, labels=("held out", "reconstructed")):
    """Return two ROIs a row of (4, 6, 8) voxels of 2 mm, a mark at the right top front of each."""
    volumes = {}
    for label in labels:
        stack = np.full((2, 1, 4, 6, 8), -1, np.float16)
        stack[0, 0, 3, 5, 7], stack[1, 0, 3, 5, 7] = mark, mark / 2
        volumes[label] = stack
    return ShownPreview(kind, Preview(volumes, 2.0, "autoencoder, step 20"), "run", True)


def marks(row):
    """Return where the marks lie in the world, (S, A, R) in mm, by their values."""
    data, attributes, _ = row.layer
    found = np.argwhere(data > 0)
    scale, first = attributes["scale"], attributes["translate"]
    return {float(data[tuple(place)]): (first + scale * place).tolist() for place in found}


def test_rows_lie_below_each_other_with_the_first_roi_at_the_patients_right():
    top, bottom = preview_rows(preview(), DisplayFrame(np.eye(3)))
    assert marks(top) == {0.5: [7, 5, 15], 0.25: [7, 5, -1]}
    assert marks(bottom) == {0.5: [-1, 5, 15], 0.25: [-1, 5, -1]}
    assert (top.box.low, top.box.high) == ((0, -6, -16), (8, 6, 16))
    assert bottom.first == (-4, 0, 8)
    assert top.layer[1]["axis_labels"] == ("S", "A", "R")
    assert top.layer[1]["metadata"]["synthetic"] is False
    assert bottom.layer[1]["metadata"]["synthetic"] is True
    assert top.box.caption == "REAL"


def layers_of(viewer, text):
    return [layer for layer in viewer.layers if text in layer.name]


@pytest.fixture
def shown(bench, qtbot):
    def show(preview):
        bench.session.show_preview(preview)
        count = len(preview.preview.volumes)
        title = preview.preview.title
        viewer = bench.scene.viewer
        qtbot.waitUntil(lambda: len(layers_of(viewer, title)) == count, timeout=20_000)
        qtbot.waitUntil(lambda: not bench.scene._previews._turns._timer.isActive())
        return layers_of(viewer, title)

    return show


def settled(bench, qtbot):
    """Wait until no ROI is cut any more: each new one is looked at."""
    qtbot.wait(500)
    qtbot.waitUntil(lambda: not bench.roi._job.is_running)


def test_a_newer_preview_takes_the_place_of_the_first_and_moves_no_camera(bench, qtbot, shown):
    viewer = bench.scene.viewer
    before = shown(preview())
    panes = bench.scene.planes.view.panes
    viewer.scene.camera.zoom *= 1.5
    models = [viewer, *(pane.model for pane in panes.values())]
    zooms = [model.scene.camera.zoom for model in models]
    after = shown(preview(mark=0.75))
    assert after == before
    assert float(after[0].data.max()) == 0.75
    assert [model.scene.camera.zoom for model in models] == zooms


def test_what_was_shown_before_comes_back(bench, qtbot, case, shown):
    viewer = opened(bench, qtbot, case)
    settled(bench, qtbot)
    visible = [layer for layer in viewer.layers if layer.visible]
    shown(preview("samples", labels=("HGG", "LGG")))
    assert not any(layer.visible for layer in visible)
    assert bench.scene.planes._badges[0] == "SYNTHETIC"
    assert all(layer.metadata["synthetic"] for layer in layers_of(viewer, "SYNTHETIC"))
    bench.session.show_preview(None)
    assert [layer for layer in viewer.layers if layer.visible] == visible
    assert bench.scene.planes._badges == ()


def test_looking_at_something_else_ends_the_preview(bench, qtbot, case, shown):
    viewer = opened(bench, qtbot, case)
    settled(bench, qtbot)
    shown(preview())
    (sample,) = generated(bench, qtbot, 1)
    assert bench.session.preview is None
    assert bench.session.selected is sample
    assert not layers_of(viewer, "step 20")


def test_a_preview_whose_layer_is_removed_is_over(bench, qtbot, shown):
    viewer = bench.scene.viewer
    first, _ = shown(preview())
    viewer.layers.remove(first)
    assert bench.session.preview is None
    assert not layers_of(viewer, "step 20")


def test_closing_ends_the_preview_of_its_panel(bench, shown):
    bench.train._preview = "reconstructions"
    shown(preview())
    bench.close()
    assert bench.session.preview is None
    assert not layers_of(bench.scene.viewer, "step 20")


def test_closing_the_window_with_a_preview_is_safe(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
    bench.train._preview = "reconstructions"
    session = bench.session
    session.show_preview(preview())
    qtbot.waitUntil(lambda: len(layers_of(viewer, "step 20")) == 2, timeout=20_000)
    viewer.close()
    assert session.preview is None
