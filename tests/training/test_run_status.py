import os

import pytest

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.record import RunPlace, RunRecord
from napari_tumor_synth.training.runs.status import (
    find_runs,
    is_running,
    log_tail,
    read_status,
    summary_of,
)

RECORD = RunRecord(recipe={"name": "mine"}, data="hash", patient_data=False)
PLACE = RunPlace(recipe={"name": "mine"}, data="/somewhere")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "first"
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    with run.held():
        run.settle(PLACE)
        run.start(RECORD)
        yield run


def test_a_run_is_running_while_its_lock_is_held_and_interrupted_after(run):
    assert summary_of(run.path).state == "running"
    assert is_running(run.path)
    os.remove(run.path / "lock")  # as after a power cut: nobody holds it
    summary = summary_of(run.path)
    assert (summary.state, summary.name, summary.can_resume) == ("interrupted", "mine", True)


def test_looking_does_not_keep_a_run_from_starting(run):
    second = RunFolder(run.path.parent / "second")
    second.path.mkdir()
    for _ in range(50):
        is_running(second.path)
    with second.held():
        assert is_running(second.path)
    assert not is_running(second.path)


def test_runs_are_found_newest_first(run):
    assert [found.folder.name for found in find_runs(run.path.parent)] == ["first"]
    other = RunFolder(run.path.parent / "other")
    other.path.mkdir()
    other.settle(PLACE)
    (run.path.parent / "no-run").mkdir()
    found = find_runs(run.path.parent)
    assert [summary.folder.name for summary in found] == ["other", "first"]
    assert find_runs(run.path)[0].folder == run.path
    assert find_runs(run.path.parent / "nowhere") == []


def test_the_status_is_written_once_a_second_and_at_every_change(run):
    run.reporter.change()
    run.reporter.tell(step=5)
    assert read_status(run.path).step == 0
    run.reporter.change(stage="walk")
    assert (read_status(run.path).step, read_status(run.path).stage) == (5, "walk")


def test_figures_that_are_no_numbers_come_through(run):
    run.reporter.change(figures={"loss": float("nan"), "l1": float("inf")})
    figures = read_status(run.path).figures
    assert figures["loss"] != figures["loss"]
    assert figures["l1"] == float("inf")


def test_the_log_holds_one_line_an_event(run):
    run.reporter.log("a\nlong\nstory")
    run.reporter.log("end")
    first, second = log_tail(run.path)
    assert first.endswith("+00:00 a long story")
    assert second.endswith(" end")
    assert log_tail(run.path, 1) == [second]


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(TrainingError, match="holds no training run"):
        summary_of(tmp_path)


def test_a_follower_writes_nothing(run):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    follower = RunFolder(run.path, writes=False)
    with follower.held():
        follower.settle(PLACE)
        follower.start(RECORD)
        follower.reporter.change("line", state="failed")
        follower.reporter.tell(step=3)
        follower.reporter.fail("broken")
        follower.append_curves("walk", 1, {"x": 1.0})
        follower.cut_curves("walk", 0)
        follower.save_state("walk", 1, {})
        follower.finish("walk", {})
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert after == before


def test_a_reader_on_windows_delays_the_status_only(run, monkeypatch):
    real, refusals = os.replace, [PermissionError(13, "Access is denied")] * 3

    def replace(source, target):
        if refusals:
            raise refusals.pop()
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    run.reporter.change(stage="walk")
    assert read_status(run.path).stage == "walk"


def test_a_folder_that_cannot_be_locked_is_a_sentence(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(OutputError, match="cannot be locked"), RunFolder(tmp_path).held():
        pass
