"""The Train panel without a training: what it offers, what it says, what it leaves alone."""

import subprocess
import sys
from datetime import datetime

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QLineEdit

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.folders import user_runs_folder
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.training.runs.status import AlarmRecord, RunStatus, RunSummary
from napari_tumor_synth.widgets.session import Session
from napari_tumor_synth.widgets.train_panel import TrainPanel
from napari_tumor_synth.widgets.training import run_buttons
from napari_tumor_synth.widgets.training.log_view import LogView
from napari_tumor_synth.widgets.training.recipe_fields import RecipeFields
from napari_tumor_synth.widgets.training.run_words import in_a_window
from napari_tumor_synth.workflows.follow_run import RunView
from napari_tumor_synth.workflows.training_forecast import settings_of
from tiny_cohort import TINY_RECIPE, write_tiny_cache
from workbench_steps import dropped

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return write_tiny_cache(tmp_path_factory.mktemp("blobs"))


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture
def panel(qtbot, folders_of_the_test):
    def close(panel):
        panel.close_jobs()
        form = panel.form
        for job in (form._read, form._forecast, form.device._probe, panel.watch._job):
            qtbot.waitUntil(lambda job=job: not job.is_running, timeout=60_000)

    panel = TrainPanel(Session())
    # not after the test: by then the panel is gone, and a job that is gone hears of no end
    qtbot.addWidget(panel, before_close_func=close)
    panel.show()
    return panel


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_becomes_fields_that_say_what_it_says(qtbot, name):
    fields = RecipeFields()
    qtbot.addWidget(fields)
    recipe = load_recipe(name)
    fields.show_settings(settings_of(name))
    assert {"name", "seed", "precision"} <= set(fields.fields)
    assert fields.changes == {}
    for dotted, field in fields.fields.items():
        assert field.value == field.setting.value, dotted
        assert field.editor.toolTip()
    assert override(recipe, {n: f.value for n, f in fields.fields.items()}) == recipe


def test_a_changed_field_is_marked_counts_and_can_be_taken_back(qtbot):
    fields = RecipeFields()
    qtbot.addWidget(fields)
    fields.show_settings(settings_of("vqgan-cond-small"))
    rate = fields.fields["token_training.learning_rate"]
    rate.editor.clear()
    qtbot.keyClicks(rate.editor, "4.5e-6")
    assert fields.changes == {"token_training.learning_rate": 4.5e-6}
    assert "(changed)" in rate.label.text()
    rate.reset_button.click()
    assert fields.changes == {}
    assert "(changed)" not in rate.label.text()


def test_a_cohort_is_chosen_by_dropping_it(panel, cache):
    dropped(panel.form.data, cache.as_uri())
    assert panel.form.data.value == cache


def test_what_a_training_takes_is_told_when_the_fields_rest(panel, qtbot, recipe, cache):
    panel.form.recipe.set_value(recipe)
    panel.form.data.set_value(cache)
    said = panel.form.estimate
    qtbot.waitUntil(lambda: "Takes about" in said.text, timeout=60_000)
    assert "of memory" in said.text
    assert "of disk" in said.text
    assert "12 ROIs to learn from, 2 held out" in said.text
    assert panel.buttons.start.isEnabled()


def test_a_wrong_value_gives_the_recipes_own_sentence(panel, qtbot, recipe, cache):
    form = panel.form
    form.recipe.set_value(recipe)
    form.data.set_value(cache)
    qtbot.waitUntil(lambda: "name" in form.fields.fields, timeout=60_000)
    form.fields.fields["name"].set_value("Not A Name")
    with pytest.raises(TumorSynthError) as told:
        override(load_recipe(recipe), {"name": "Not A Name"})
    qtbot.waitUntil(lambda: told.value.problem in form.estimate.text, timeout=60_000)


def test_a_cache_of_another_grid_is_told(panel, qtbot, cache):
    panel.form.recipe.set_value("vqgan-cond-small")
    panel.form.data.set_value(cache)
    said = panel.form.estimate
    qtbot.waitUntil(lambda: "needs size (64, 64, 64)" in said.text, timeout=60_000)


def test_what_does_not_fit_into_memory_is_told(panel, qtbot, recipe, cache, monkeypatch):
    from napari_tumor_synth.workflows import training_forecast

    monkeypatch.setattr(training_forecast, "free_memory", lambda device: 1_000_000)
    panel.form.recipe.set_value(recipe)
    panel.form.data.set_value(cache)
    said = panel.form.estimate
    qtbot.waitUntil(lambda: "A single ROI" in said.text, timeout=60_000)


def test_what_is_asked_for_is_what_the_fields_say(panel, qtbot, recipe, cache):
    form = panel.form
    form.recipe.set_value(recipe)
    form.data.set_value(cache)
    qtbot.waitUntil(lambda: "seed" in form.fields.fields, timeout=60_000)
    form.fields.fields["seed"].set_value(5)
    form.machine.micro_batch.setValue(2)
    form.place.text.setText("mine")
    request = form.request()
    assert request.out == user_runs_folder() / "mine"
    assert request.data == cache
    assert request.recipe == recipe
    assert request.changes == {"seed": 5}
    assert request.machine.micro_batch == 2
    form.place.text.clear()
    assert form.place.folder(datetime(2026, 1, 2, 3, 4, 5)).name == "tiny-20260102-030405"


def test_the_wheel_scrolls_over_settings_without_changing_them(qtbot):
    fields = RecipeFields()
    qtbot.addWidget(fields)
    fields.show_settings(settings_of("vqgan-cond-small"))
    fields.show()
    for field in fields.fields.values():
        middle = QPointF(field.editor.rect().center())
        event = QWheelEvent(
            middle, middle, QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field.editor, event)
    assert fields.changes == {}


def test_every_control_says_what_it_does(panel, qtbot):
    panel.form.fields.show_settings(settings_of("vqgan-cond-small"))
    controls = [
        control
        for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit)
        for control in panel.findChildren(kind)
        if not isinstance(control.parent(), QAbstractSpinBox | QComboBox)
        and not (
            isinstance(control, QAbstractButton) and control.isCheckable() and not control.text()
        )
    ]
    own = {"Copy details"}
    silent = [c for c in controls if not c.toolTip() and not _is_heading(c)]
    assert [c.text() for c in silent if c.text() not in own] == []


def _is_heading(control):
    return control.parent() is not None and type(control.parent()).__name__ == "Section"


def test_opening_the_panel_loads_no_torch(folders_of_the_test):
    script = (
        "import sys\n"
        "from qtpy.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from napari_tumor_synth.widgets.session import Session\n"
        "from napari_tumor_synth.widgets.train_panel import TrainPanel\n"
        "panel = TrainPanel(Session())\n"
        "panel.show()\n"
        "for _ in range(50):\n"
        "    app.processEvents()\n"
        "assert panel.form.recipe.list.count() > 10\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "panel.close_jobs()\n"
        "jobs = (panel.form._read, panel.form._forecast, panel.form.device._probe)\n"
        "jobs += (panel.watch._job,)\n"
        "while any(job.is_running for job in jobs):\n"
        "    app.processEvents()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_stop_now_is_offered_to_a_run_that_does_not_stop(qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(run_buttons, "_PATIENCE_MS", 50)
    buttons = run_buttons.RunButtons()
    qtbot.addWidget(buttons)
    run = RunSummary(tmp_path, "tiny", "running", RunStatus(state="running"))
    buttons.show_state(RunView(run), new=False, ready=False, beginning=False, asked=True)
    assert buttons.stop.text() == "Stopping…"
    assert buttons.stop_now.isHidden()
    qtbot.waitUntil(lambda: not buttons.stop_now.isHidden())
    with qtbot.waitSignal(buttons.stop_asked) as asked:
        buttons.stop_now.click()
    assert asked.args == [True]
    stopped = RunSummary(tmp_path, "tiny", "stopped", RunStatus(state="stopped"))
    buttons.show_state(RunView(stopped), new=False, ready=False, beginning=False, asked=False)
    assert buttons.stop_now.isHidden()
    assert buttons.resume.isEnabled()


def test_alarms_and_failures_stand_in_words(panel, tmp_path):
    alarm = AlarmRecord(name="codebook collapse", sentence="3 % are used.", remedy="Take fewer.")
    status = RunStatus(
        state="failed", stage="autoencoder", step=5, total=10, alarms=(alarm,), skipped=2,
        error="The disk is full.",
    )  # fmt: skip
    panel.monitor.turn_to(tmp_path)
    panel.monitor.show_view(RunView(RunSummary(tmp_path, "tiny", "failed", status)))
    assert panel.monitor.words.text() == "Failed at autoencoder, step 5 of 10. The disk is full."
    assert "3 % are used. Take fewer." in panel.monitor.alarms.text()
    assert "2 steps were skipped" in panel.monitor.alarms.text()


def test_the_log_follows_until_the_user_scrolls_up(qtbot):
    log = LogView()
    qtbot.addWidget(log)
    log.show_lines([f"2026-01-02T10:24:31.123+00:00 event {n}" for n in range(100)])
    log.show()
    bar = log.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)
    assert log.toPlainText().endswith("10:24:31 event 99")
    log.show_lines([f"event {n}" for n in range(120)])
    assert bar.value() == bar.maximum()
    bar.setValue(10)
    log.show_lines([f"event {n}" for n in range(140)])
    assert bar.value() == 10


def test_remedies_name_the_controls_of_the_panel():
    for option in ("with --name", "with --accept-changed-code"):
        told = str(in_a_window(TumorSynthError("A is wrong.", f"Go on {option}.")))
        assert "--" not in told
