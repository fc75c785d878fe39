"""Trainings as a user starts, stops and finds them again, in real processes."""

import itertools
import os
import subprocess
import sys
import time

import pytest
from qtpy.QtCore import QTimer

from napari_tumor_synth.folders import user_models_folder, user_runs_folder
from napari_tumor_synth.training.runs.status import find_runs, is_running, summary_of
from napari_tumor_synth.widgets.workbench import Workbench
from tiny_cohort import TINY_RECIPE, write_tiny_cache
from train_steps import (
    LONG,
    PATIENCE_MS,
    end_all,
    is_wrong,
    killed,
    learnt,
    reached,
    resumed,
    started,
    state_of,
)

pytestmark = [pytest.mark.gui, pytest.mark.slow]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return write_tiny_cache(tmp_path_factory.mktemp("blobs"))


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture
def long_recipe(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(LONG)
    return path


@pytest.fixture
def open_bench(make_napari_viewer, qtbot, folders_of_the_test):
    benches = []

    def open_one():
        viewer = make_napari_viewer(show=True)
        bench = Workbench(viewer)
        viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
        bench.show_step("6  Train")
        benches.append(bench)
        return bench

    yield open_one
    for bench in benches:
        bench.close()
        form = bench.train.form
        for job in (form._read, form._forecast, form.device._probe, *bench.train.control._jobs):
            qtbot.waitUntil(lambda job=job: not job.is_running, timeout=PATIENCE_MS)
    end_all(user_runs_folder())


def test_a_model_is_trained_from_the_panel_and_can_be_generated_with(
    open_bench, qtbot, recipe, cache
):
    bench = open_bench()
    panel = bench.train
    folder = started(panel, qtbot, recipe, cache)
    assert folder.parent == user_runs_folder()
    assert not panel.buttons.start.isEnabled()
    reached(panel, qtbot, "finished")
    qtbot.waitUntil(
        lambda: "Generate list" in panel.message.text or is_wrong(panel), timeout=60_000
    )

    assert panel.message.text == "tiny is now in the Generate list."
    offered = bench.generate.model.list
    assert "tiny" in [offered.itemText(place) for place in range(offered.count())]
    assert (user_models_folder() / "tiny.safetensors").is_file()
    assert {stage for stage, _ in panel._view.curves} == {"autoencoder", "transformer"}
    assert "Teacher-forced" in panel.monitor.diagnosis.text()
    assert "finished" in panel.monitor.log.toPlainText()

    panel.monitor.previews["samples"].click()
    viewer = bench.scene.viewer
    qtbot.waitUntil(lambda: bench.session.preview is not None, timeout=20_000)
    qtbot.waitUntil(
        lambda: sum(layer.name.startswith("SYNTHETIC") for layer in viewer.layers) == 2,
        timeout=20_000,
    )
    made = [layer for layer in viewer.layers if layer.name.startswith("SYNTHETIC")]
    assert all(layer.metadata["synthetic"] for layer in made)
    panel.monitor.previews["samples"].click()
    assert not [layer for layer in viewer.layers if layer.name.startswith("SYNTHETIC")]

    panel.monitor.install_button.click()  # once more changes nothing
    qtbot.waitUntil(lambda: not panel.control.is_installing, timeout=60_000)
    assert not is_wrong(panel)


def test_the_window_lives_while_a_training_starts(open_bench, qtbot, long_recipe, cache):
    """Loading torch stops all threads of a process for moments, so that longest gaps say little."""
    bench = open_bench()
    ticks = []
    timer = QTimer(bench)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    started(bench.train, qtbot, long_recipe, cache)
    learnt(bench.train, qtbot)
    timer.stop()
    gaps = sorted(after - before for before, after in itertools.pairwise(ticks))
    assert gaps[len(gaps) // 2] < 0.1
    assert gaps[round(0.95 * len(gaps))] < 0.5


def test_a_run_is_stopped_found_by_another_panel_and_gone_on_with(
    open_bench, qtbot, long_recipe, cache
):
    bench = open_bench()
    folder = started(bench.train, qtbot, long_recipe, cache)
    learnt(bench.train, qtbot)
    bench.close()
    assert is_running(folder)

    panel = open_bench().train
    qtbot.waitUntil(lambda: panel.runs.count() == 2, timeout=20_000)
    panel.runs.choose(folder)
    qtbot.waitUntil(lambda: panel._view is not None, timeout=20_000)
    assert state_of(panel) == "running"
    assert panel.buttons.stop.isEnabled()
    assert not panel.buttons.resume.isEnabled()
    panel.buttons.stop.click()
    assert panel.buttons.stop.text() == "Stopping…"
    reached(panel, qtbot, "stopped")
    assert panel.buttons.resume.isEnabled()
    assert not panel.buttons.stop.isEnabled()
    assert "Stopped at autoencoder, step" in panel.monitor.words.text()
    assert list((folder / "state").glob("autoencoder-*"))

    resumed(panel, qtbot)
    learnt(panel, qtbot)
    panel.stop(at_once=True)
    qtbot.waitUntil(lambda: state_of(panel) != "running", timeout=PATIENCE_MS)
    assert panel.buttons.resume.isEnabled()


def test_a_killed_run_is_interrupted_and_goes_on_from_its_state(
    open_bench, qtbot, long_recipe, cache
):
    panel = open_bench().train
    folder = started(panel, qtbot, long_recipe, cache, save_minutes=0.1)
    whole = "autoencoder-*.safetensors"  # not one that is being written
    qtbot.waitUntil(lambda: any((folder / "state").glob(whole)), timeout=PATIENCE_MS)
    killed(folder)
    reached(panel, qtbot, "interrupted")
    assert "Interrupted" in panel.monitor.words.text()
    assert panel.window().isVisible()
    resumed(panel, qtbot)
    learnt(panel, qtbot)
    log = folder / "log.txt"
    qtbot.waitUntil(lambda: log.read_text().count("autoencoder: from step ") == 2)
    assert "resumed" in log.read_text()
    assert log.read_text().count("autoencoder: from step 0 ") == 1


def test_a_bad_cohort_is_told_before_anything_is_started(open_bench, qtbot, recipe, tmp_path):
    panel = open_bench().train
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    panel.form.recipe.set_value(recipe)
    panel.form.data.set_value(nothing)
    qtbot.waitUntil(lambda: "✖" in panel.form.estimate.text, timeout=PATIENCE_MS)
    said = panel.form.estimate.text
    assert "nothing" in said
    panel.buttons.start.click()
    qtbot.waitUntil(lambda: is_wrong(panel), timeout=PATIENCE_MS)
    assert "nothing" in panel.message.text
    assert panel.folder is None
    assert not find_runs(user_runs_folder())
    assert panel.buttons.start.isEnabled()


CLOSING = """
import sys, time
from pathlib import Path
import napari
from qtpy.QtCore import QTimer
from napari_tumor_synth.widgets.single_panels import TrainWidget

viewer = napari.Viewer(show=True)
widget = TrainWidget(viewer)
viewer.window.add_dock_widget(widget, area="left")
panel = widget.panel
panel.form.recipe.set_value(Path(sys.argv[1]))
panel.form.data.set_value(Path(sys.argv[2]))
panel.start()

def close_when_it_trains():
    if panel.folder is not None:
        print(panel.folder)
        viewer.close()
    else:
        QTimer.singleShot(200, close_when_it_trains)

close_when_it_trains()
napari.run()
"""


def test_closing_napari_leaves_the_training_alone(long_recipe, cache, folders_of_the_test):
    try:
        done = subprocess.run(
            [sys.executable, "-c", CLOSING, str(long_recipe), str(cache)],
            env={**os.environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (run,) = find_runs(user_runs_folder())
        assert str(run.folder) == done.stdout.strip().splitlines()[-1]
        assert summary_of(run.folder).state == "running"
    finally:
        end_all(user_runs_folder())
