"""The window lives on: nothing heavy is loaded before it is needed, and no work holds it up."""

import json
import subprocess
import sys
import time
from itertools import pairwise

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_tumor_synth.widgets.workbench import Workbench
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui

OPEN = """
import json, sys
import napari

def loaded():
    return sorted({"torch", "monai", "lightning_fabric"} & set(sys.modules))

viewer = napari.Viewer(show=True)
found = {"napari": loaded()}
viewer.window.add_plugin_dock_widget("napari-tumor-synth", "Workbench")
found["workbench"] = loaded()
viewer.open_sample("napari-tumor-synth", "phantom_lgg")
found["sample"] = loaded()
viewer.close()
print(json.dumps(found))
"""


def test_napari_the_workbench_and_a_sample_open_without_torch_and_monai(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", OPEN], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "napari": [],
        "workbench": [],
        "sample": [],
    }


def gaps_while(qtbot, done, timeout):
    """Return the seconds between turns of the event loop until something is done."""
    turns = []
    timer = QTimer()
    timer.timeout.connect(lambda: turns.append(time.perf_counter()))
    timer.start(5)
    qtbot.waitUntil(done, timeout=timeout)
    timer.stop()
    return [later - earlier for earlier, later in pairwise(turns)]


def test_generating_with_the_bundled_model_does_not_hold_the_window_up(make_napari_viewer, qtbot):
    """The figures are the benchmark's; here no gap may be anywhere near the time of the work."""
    viewer = make_napari_viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left")
    panel = bench.generate
    panel.generate()  # loads torch and the model
    qtbot.waitUntil(lambda: len(bench.session.samples) == 1, timeout=120_000)
    for layer in viewer.layers:
        layer.visible = False
    panel.count.setValue(4)
    start = time.perf_counter()
    panel.generate()
    gaps = gaps_while(qtbot, lambda: len(bench.session.samples) == 5, timeout=120_000)
    took = time.perf_counter() - start
    assert len(gaps) > 50
    assert max(gaps) < took / 4
    bench.close()


class Painted(QObject):
    """Keeps in which order canvases are painted."""

    def __init__(self, canvases):
        super().__init__()
        self.names = {canvas: name for name, canvas in canvases.items()}
        self.order = []
        for canvas in self.names:
            canvas.installEventFilter(self)

    def eventFilter(self, watched, event):  # noqa: N802
        if event.type() == QEvent.Type.Paint:
            self.order.append(self.names[watched])
        return False


def test_the_planes_are_painted_before_the_3d_view(bench, qtbot, case):
    """It takes long without a graphics card; Qt on its own would paint all of them together."""
    opened(bench, qtbot, case)
    generated(bench, qtbot, 7, count=2)
    panes = bench.scene.planes.view.panes
    canvases = {plane: pane.findChild(QOpenGLWidget) for plane, pane in panes.items()}
    canvases["3d"] = bench.window().centralWidget().findChild(QOpenGLWidget)
    qtbot.wait(1500)  # what went before is painted
    painted = Painted(canvases)
    for chosen in (bench.session.samples[0], bench.session.roi, bench.session.samples[1]):
        painted.order.clear()
        bench.session.select(chosen)
        qtbot.waitUntil(lambda: set(painted.order) == set(canvases), timeout=10_000)
        firsts = [painted.order.index(plane) for plane in panes]
        assert max(firsts) < painted.order.index("3d")
        qtbot.wait(300)
