"""What all panels of a viewer generate with: one generator, under one memory cap."""

import json
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_tumor_synth.widgets import session
from napari_tumor_synth.widgets.workbench import Workbench
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui


def said(bench, qtbot, words):
    qtbot.waitUntil(lambda: words in bench.generate.message.text, timeout=20_000)
    qtbot.waitUntil(lambda: not bench.generate.job.is_running, timeout=20_000)


def test_the_memory_cap_holds_for_all_that_uses_a_model(bench, qtbot, case, tmp_path, monkeypatch):
    opened(bench, qtbot, case)
    (sample,) = generated(bench, qtbot, 7)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    files = bench.generate.save(tmp_path / "out")
    monkeypatch.setattr(session, "preferences", lambda: SimpleNamespace(memory_cap_gb=1e-6))
    bench.generate.generate()
    said(bench, qtbot, "memory cap")
    bench.generate.message.clear()
    bench.generate.repeat(files.provenance)
    said(bench, qtbot, "memory cap")
    bench.importance.shown.click()
    qtbot.waitUntil(lambda: "memory cap" in bench.importance.message.text, timeout=20_000)
    assert not bench.importance.shown.isChecked()
    assert bench.session.samples == [sample]


def test_a_model_file_that_has_gone_is_a_sentence(bench, qtbot, model):
    content = model.read_bytes()
    model.unlink()
    try:
        bench.generate.generate()
        said(bench, qtbot, "cannot be read")
    finally:
        model.write_bytes(content)
    generated(bench, qtbot, 1)


def test_a_changed_record_is_refused(bench, qtbot, tmp_path):
    (sample,) = generated(bench, qtbot, 7)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    path = bench.generate.save(tmp_path / "out").provenance
    path.write_text(json.dumps({**json.loads(path.read_text()), "class_name": "LGG"}))
    bench.generate.repeat(path)
    said(bench, qtbot, "was changed after it was written")
    assert bench.session.samples == [sample]


def test_closing_a_panel_blocks_nobody_and_leaves_the_others_their_generator(
    bench, qtbot, slow_runs
):
    viewer = bench.scene.viewer
    second = Workbench(viewer)
    viewer.window.add_dock_widget(second)
    generated(bench, qtbot, 1)
    generators = bench.session.generators
    used = generators._generator
    bench.generate.count.setValue(32)
    bench.generate.generate()
    qtbot.waitUntil(lambda: "step" in bench.generate.run.words.text(), timeout=20_000)
    start = time.monotonic()
    second.close()
    assert time.monotonic() - start < 0.5
    assert bench.generate.job.is_running
    bench.generate.run.button.click()
    qtbot.waitUntil(lambda: not bench.generate.job.is_running, timeout=20_000)
    assert generators._generator is used
    bench.close()  # the last one
    qtbot.waitUntil(lambda: generators._generator is None, timeout=20_000)
