"""Tests that need a display are skipped without one, unless it is required (as `.ci/run` does)."""

import os
import sys
import time

import pytest

from cohort_factory import write_case
from napari_tumor_synth.folders import RUNS_VARIABLE

ABOUT = {"name": "tiny", "description": "d", "licence": "CC0", "training_data": "noise"}


def display_is_there() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gui") is None or display_is_there():
        return
    reason = "no display, and no Xvfb to make one: scripts/system_packages.sh says what to install"
    if os.environ.get("TUMOR_SYNTH_REQUIRE_DISPLAY"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def folders_of_the_test(tmp_path, monkeypatch):
    """Keep the user's own runs and models out of the windows of tests, and what tests make out of
    the user's folders."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def slow_runs(monkeypatch):
    """Let runs of a tiny model report at once, and last for seconds on the fastest machine."""
    from napari_tumor_synth.widgets import jobs

    report = jobs._Run._on_progress

    def slowly(run, progress):
        time.sleep(0.003)
        report(run, progress)

    monkeypatch.setattr(jobs, "_QUIET_SECONDS", 0)
    monkeypatch.setattr(jobs._Run, "_on_progress", slowly)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Return a tiny model of random weights in a catalogue of its own."""
    from napari_tumor_synth.generators.catalogue import add_to_catalogue
    from tiny_vqgan import tiny_settings, write_tiny

    path = write_tiny(tmp_path_factory.mktemp("models") / "tiny.safetensors", tiny_settings())
    add_to_catalogue(path, ABOUT)
    return path


@pytest.fixture
def case(tmp_path):
    """Return the folder of a small BraTS case."""
    return write_case(tmp_path / "LGG", "Brats18_CBICA_L00_1")


@pytest.fixture
def bench(make_napari_viewer, qtbot, model, monkeypatch):
    """Open the workbench, the tiny model chosen."""
    from napari_tumor_synth.widgets.workbench import Workbench

    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(model.parent))
    viewer = make_napari_viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
    names = [
        bench.generate.model.list.itemText(i) for i in range(bench.generate.model.list.count())
    ]
    bench.generate.model.list.setCurrentIndex(names.index("tiny"))
    yield bench
    bench.close()
    for job in (bench.case._open, bench.roi._job, bench.generate.job, bench.importance.job):
        qtbot.waitUntil(lambda job=job: not job.is_running, timeout=20_000)
