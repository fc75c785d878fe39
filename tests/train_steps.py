"""What a user does with the Train panel, for tests that drive it."""

import os
import signal
import time
from contextlib import suppress

from napari_tumor_synth.training.runs.background import stop_now
from napari_tumor_synth.training.runs.status import find_runs, read_status
from tiny_cohort import TINY_RECIPE

LONG = TINY_RECIPE.replace("steps = 20,", "steps = 4000,")
"""A training that takes longer than any test."""

PATIENCE_MS = 180_000


def started(panel, qtbot, recipe, cache, *, save_minutes=10.0):
    """Start a run as the form says; return its folder once it trains and is chosen."""
    form = panel.form
    form.recipe.set_value(recipe)
    form.data.set_value(cache)
    form.machine.save_minutes.setValue(save_minutes)
    panel.buttons.start.click()
    qtbot.waitUntil(lambda: panel._view is not None or is_wrong(panel), timeout=PATIENCE_MS)
    assert not is_wrong(panel), panel.message.text
    return panel.folder


def resumed(panel, qtbot):
    """Go on with the chosen run, even if somebody has committed code meanwhile."""
    panel.buttons.resume.click()
    buttons = panel.buttons

    def runs_or_asks():
        return state_of(panel) == "running" or is_wrong(panel)

    qtbot.waitUntil(runs_or_asks, timeout=PATIENCE_MS)
    if is_wrong(panel):
        assert "Resume anyway" in panel.message.text
        buttons.resume_anyway.click()
        qtbot.waitUntil(lambda: state_of(panel) == "running", timeout=PATIENCE_MS)


def reached(panel, qtbot, state):
    qtbot.waitUntil(lambda: state_of(panel) == state, timeout=PATIENCE_MS)


def learnt(panel, qtbot, step=1):
    """Wait until a run has taken steps of its first stage."""

    def has_learnt():
        view = panel._view
        status = None if view is None else view.summary.status
        return status is not None and status.stage == "autoencoder" and status.step >= step

    qtbot.waitUntil(has_learnt, timeout=PATIENCE_MS)


def state_of(panel):
    return None if panel._view is None else panel._view.summary.state


def is_wrong(panel):
    return panel.message.text.startswith("✖")


def killed(folder):
    os.kill(read_status(folder).pid, signal.SIGKILL)


def end_all(runs):
    """Leave no process behind."""
    for run in find_runs(runs):
        with suppress(OSError):
            stop_now(run.folder)
        end = time.monotonic() + 10
        while run.state == "running" and read_status(run.folder) and time.monotonic() < end:
            if not stop_now(run.folder):
                break
