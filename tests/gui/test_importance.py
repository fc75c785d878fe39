"""The overlay of importance scores: there when its box is ticked, and of what is selected."""

import os
import threading

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from cohort_factory import write_case
from napari_tumor_synth.generators.catalogue import add_to_catalogue
from napari_tumor_synth.generators.synthetic import SyntheticRoi
from napari_tumor_synth.widgets.importance_panel import ImportancePanel
from napari_tumor_synth.workflows.generator_session import GeneratorSession
from tiny_vqgan import tiny_settings, write_tiny
from workbench_steps import generated
from workbench_steps import opened as opened_at_last

pytestmark = pytest.mark.gui


def overlay_of(bench):
    return next((one for one in bench.scene.viewer.layers if one.name == "Importance"), None)


def opened(bench, qtbot, path):
    """Open a case and wait until its ROI stays: a change of size is heard a moment later."""
    opened_at_last(bench, qtbot, path)
    qtbot.wait(250)
    qtbot.waitUntil(lambda: not bench.roi._job.is_running, timeout=20_000)


def at_rest(bench, qtbot, *others):
    """Wait until nobody does anything about the overlay."""
    for panel in (bench.importance, *others):
        qtbot.waitUntil(
            lambda panel=panel: not (panel._soon.isActive() or panel.job.is_running),
            timeout=20_000,
        )


def shown(bench, qtbot):
    bench.importance.shown.click()
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    return overlay_of(bench)


@pytest.fixture
def large(tmp_path):
    """Return a case whose lesion has voxels of 4 mm."""
    return write_case(tmp_path / "LGG", "Brats18_CBICA_L04_1", 4)


@pytest.fixture
def asked(monkeypatch):
    """Note what scores are computed of, and let them wait if told to."""
    calls, go_on = [], threading.Event()
    go_on.set()
    importance = GeneratorSession.importance

    def noted(self, model, device, roi, **more):
        calls.append((model, roi))
        assert go_on.wait(20)
        return importance(self, model, device, roi, **more)

    monkeypatch.setattr(GeneratorSession, "importance", noted)
    yield calls, go_on
    go_on.set()


@pytest.fixture
def another(bench):
    """Return a second panel on the session of the workbench."""
    panel, closed = ImportancePanel(bench.session), []
    close = panel.close_jobs
    panel.close_jobs = lambda: None if closed else closed.append(close())
    yield panel
    panel.close_jobs()


def test_ticked_off_at_once_nothing_appears(bench, qtbot, large, asked):
    opened(bench, qtbot, large)
    bench.importance.shown.click()
    bench.importance.shown.click()
    at_rest(bench, qtbot)
    qtbot.wait(50)
    assert overlay_of(bench) is None
    assert not bench.importance.shown.isChecked()
    assert bench.importance.message.text == ""


def test_scores_that_come_too_late_are_not_shown(bench, qtbot, large, asked):
    calls, go_on = asked
    go_on.clear()
    opened(bench, qtbot, large)
    bench.importance.shown.click()
    qtbot.waitUntil(lambda: len(calls) == 1, timeout=10_000)
    bench.importance.job._run.stop = False
    bench.importance.job.cancel = lambda: None  # it had ended already
    bench.importance.shown.click()
    go_on.set()
    at_rest(bench, qtbot)
    qtbot.wait(50)
    assert overlay_of(bench) is None


def test_the_overlay_of_a_sample_stays_when_the_roi_is_cut_anew(bench, qtbot, large, asked):
    opened(bench, qtbot, large)
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    shown(bench, qtbot)
    before = bench.session.roi
    bench.roi.spacing.setValue(1.5)
    qtbot.waitUntil(lambda: bench.session.roi is not before, timeout=20_000)
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    at_rest(bench, qtbot)
    assert bench.importance.shown.isChecked()
    made = next(one for one in bench.scene.viewer.layers if one.metadata.get("synthetic"))
    np.testing.assert_allclose(overlay_of(bench).translate, made.translate)
    assert len(asked[0]) == 1, "the scores are the same"


def test_the_overlay_of_a_real_roi_follows_the_next_cut(bench, qtbot, large):
    opened(bench, qtbot, large)
    first = shown(bench, qtbot).data
    bench.roi.spacing.setValue(1.5)
    qtbot.waitUntil(
        lambda: overlay_of(bench) is not None and overlay_of(bench).data is not first,
        timeout=20_000,
    )
    assert np.array_equal(overlay_of(bench).data > 0, bench.session.roi.mask)


def test_the_next_case_comes_with_its_overlay_and_without_an_error(bench, qtbot, large, tmp_path):
    opened(bench, qtbot, large)
    shown(bench, qtbot)
    second = write_case(tmp_path / "HGG", "Brats18_CBICA_H04_1", 4)
    bench.case.load([second])
    qtbot.waitUntil(lambda: bench.session.case.case.name == second.name, timeout=20_000)
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    assert bench.importance.shown.isChecked()
    assert bench.importance.message.text == ""
    assert np.array_equal(overlay_of(bench).data > 0, bench.session.roi.mask)


def test_without_an_roi_it_waits_for_the_next(bench, qtbot, large):
    bench.importance.shown.click()
    assert not bench.importance.shown.isChecked()
    assert "No ROI is selected" in bench.importance.message.text
    opened(bench, qtbot, large)
    shown(bench, qtbot)
    assert bench.importance.message.text == ""
    roi = bench.session.roi
    bench.session.set_roi(None)
    at_rest(bench, qtbot)
    assert overlay_of(bench) is None
    assert bench.importance.shown.isChecked()
    assert "Waits" in bench.importance.message.text
    bench.session.set_roi(roi)
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    assert bench.importance.message.text == ""


def test_a_layer_that_the_user_deletes_ticks_the_box_off(bench, qtbot, large):
    opened(bench, qtbot, large)
    scores = shown(bench, qtbot)
    bench.scene.viewer.layers.remove(scores)
    assert not bench.importance.shown.isChecked()
    at_rest(bench, qtbot)
    assert overlay_of(bench) is None
    shown(bench, qtbot)


def test_bar_and_layer_agree_on_the_scores_that_are_shown(bench, qtbot, large):
    opened(bench, qtbot, large)
    layer, panel = shown(bench, qtbot), bench.importance
    highest = float(layer.data.max())
    before = list(layer.contrast_limits)
    for percent in (90, 100, 30, 1, 99, 0):
        panel.threshold.setValue(percent)
        low, high = layer.contrast_limits
        assert low == min(percent / 100, highest)
        assert high == pytest.approx(highest, abs=2e-3)
        assert (layer.data > low).any() == (percent / 100 < highest)
        assert panel._colours.ends == (f"{low:.2f}", f"{high:.2f}")
        assert layer.contrast_limits_range[1] == high
    assert list(layer.contrast_limits) == before


def choose(bench, name):
    models = bench.generate.model.list
    models.setCurrentIndex([models.itemText(i) for i in range(models.count())].index(name))


@pytest.fixture
def others(bench, model, tmp_path, monkeypatch):
    """Put two more models on the list: one of other weights, and one without importance."""
    about = {"description": "d", "licence": "CC0", "training_data": "noise"}
    path = write_tiny(tmp_path / "other.safetensors", tiny_settings(), seed=1)
    add_to_catalogue(path, {**about, "name": "other"})
    dumb = write_tiny(tmp_path / "dumb.safetensors", tiny_settings(importance=False))
    add_to_catalogue(dumb, {**about, "name": "dumb"})
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", os.pathsep.join(map(str, (model.parent, tmp_path))))
    bench.generate.refresh_models()
    choose(bench, "tiny")


def test_scores_of_a_real_roi_come_from_the_model_that_is_chosen(
    bench, qtbot, large, asked, others
):
    calls, _ = asked
    opened(bench, qtbot, large)
    first = shown(bench, qtbot).data
    choose(bench, "other")
    at_rest(bench, qtbot)
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    assert [name for name, _ in calls] == ["tiny", "other"]
    assert not np.array_equal(overlay_of(bench).data, first)
    choose(bench, "dumb")
    qtbot.waitUntil(lambda: not bench.importance.shown.isChecked(), timeout=20_000)
    assert "without importance" in bench.importance.message.text
    assert overlay_of(bench) is None


def test_scores_of_a_sample_do_not_depend_on_the_model_that_is_chosen(bench, qtbot, asked, others):
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    layer = shown(bench, qtbot)
    choose(bench, "dumb")
    at_rest(bench, qtbot)
    assert overlay_of(bench) is layer
    assert len(asked[0]) == 1


def test_a_failure_of_what_is_no_longer_asked_for_is_not_told(bench, qtbot, asked, others, large):
    calls, go_on = asked
    choose(bench, "dumb")
    generated(bench, qtbot, 5)
    opened(bench, qtbot, large)
    choose(bench, "tiny")
    qtbot.waitUntil(lambda: not isinstance(bench.session.selected, SyntheticRoi))
    bench.session.select(bench.session.samples[0])
    go_on.clear()
    bench.importance.shown.click()
    qtbot.waitUntil(lambda: len(calls) == 1, timeout=10_000)
    bench.session.select(bench.session.roi)
    qtbot.waitUntil(lambda: bench.importance.job._next is not None, timeout=10_000)
    bench.importance.job._run.stop = False  # too late to be cancelled: it fails
    go_on.set()
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    assert bench.importance.shown.isChecked()
    assert bench.importance.message.text == ""


def test_panels_of_one_session_agree_and_compute_once(bench, qtbot, large, asked, another):
    calls, _ = asked
    opened(bench, qtbot, large)
    for one, other in ((another, bench.importance), (bench.importance, another)):
        before = len(calls)
        one.shown.click()
        qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
        assert other.shown.isChecked()
        other.threshold.setValue(20)
        one.opacity.setValue(70)
        assert one.look == other.look
        assert one._colours.ends == other._colours.ends
        roi = bench.session.roi
        bench.roi.spacing.setValue(bench.roi.spacing.value() + 0.1)
        qtbot.waitUntil(lambda roi=roi: bench.session.roi is not roi, timeout=20_000)
        at_rest(bench, qtbot, another)
        qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
        assert overlay_of(bench).opacity == 0.7
        assert len(calls) == before + 2
        other.shown.click()
        assert not one.shown.isChecked()
        assert overlay_of(bench) is None
        at_rest(bench, qtbot, another)


def test_a_panel_opened_later_says_what_is_shown(bench, qtbot, large, asked):
    opened(bench, qtbot, large)
    shown(bench, qtbot)
    bench.importance.threshold.setValue(10)
    later = ImportancePanel(bench.session)
    at_rest(bench, qtbot, later)
    assert later.shown.isChecked()
    assert later.look == bench.importance.look
    assert later._colours.ends == bench.importance._colours.ends
    assert len(asked[0]) == 1
    later.close_jobs()
    assert overlay_of(bench) is not None


def test_what_a_closed_panel_was_computing_another_goes_on_with(
    bench, qtbot, large, asked, another
):
    calls, go_on = asked
    go_on.clear()
    opened(bench, qtbot, large)
    another.shown.click()
    qtbot.waitUntil(lambda: len(calls) == 1, timeout=10_000)
    another.close_jobs()
    go_on.set()
    qtbot.waitUntil(lambda: overlay_of(bench) is not None, timeout=20_000)
    assert bench.importance.shown.isChecked()
