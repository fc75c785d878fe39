"""Runs as a program sees them that stays open."""

import json

import numpy as np
import pytest

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.folders import RUNS_VARIABLE
from napari_tumor_synth.training.runs.curves import append_rows, cut_back
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.previews import write_preview
from napari_tumor_synth.training.runs.record import RunPlace
from napari_tumor_synth.workflows.follow_run import RunFollower
from napari_tumor_synth.workflows.known_runs import known_runs, remember_run

LOSS = ("autoencoder", "loss")


def make_run(folder):
    """Return a run that holds its lock no more, as a killed one."""
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    run.settle(RunPlace(recipe={"name": "tiny"}, data=str(folder / "cache")))
    return run


def test_curves_are_read_on_and_follow_a_run_that_goes_back(tmp_path):
    folder = make_run(tmp_path / "run").path
    follower = RunFollower(folder)
    assert follower.look().curves == {}
    append_rows(folder / "curves.csv", "autoencoder", 20, {"loss": 2.0})
    append_rows(folder / "curves.csv", "autoencoder", 40, {"loss": 1.0})
    seen = follower.look().curves
    assert seen[LOSS].tolist() == [[20, 40], [2, 1]]
    assert follower.look().curves is seen
    cut_back(folder / "curves.csv", "autoencoder", 20)
    assert follower.look().curves[LOSS].tolist() == [[20], [2]]


def test_previews_are_read_when_asked_for_and_when_they_change(tmp_path):
    folder = make_run(tmp_path / "run").path
    volume = np.zeros((1, 4, 4, 4), np.float32)
    write_preview(folder, "samples", {"HGG": [volume]}, 2.0, "step 1")
    follower = RunFollower(folder)
    view = follower.look()
    assert view.available == ("samples",)
    assert view.previews == {}
    first = follower.look(("samples",)).previews["samples"]
    assert follower.look(("samples",)).previews["samples"] is first
    write_preview(folder, "samples", {"HGG": [volume + 1]}, 2.0, "step 2")
    assert follower.look(("samples",)).previews["samples"].title == "step 2"


def test_what_a_killed_run_left_is_told(tmp_path):
    run = make_run(tmp_path / "run")
    run.reporter.change("autoencoder: state saved", stage="autoencoder", step=5, total=10)
    (run.path / "stop").touch()
    (run.path / "diagnosis.json").write_text(json.dumps({"sentences": ["All is well."]}))
    view = RunFollower(run.path).look()
    assert view.summary.state == "interrupted"
    assert not view.stopping  # nobody is there to stop
    assert view.log[-1].endswith("autoencoder: state saved")
    assert view.diagnosis == ("All is well.",)
    assert view.patient_data  # unless the run says otherwise
    with run.held():
        assert RunFollower(run.path).look().stopping


def test_a_folder_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(TrainingError, match="holds no training run"):
        RunFollower(tmp_path / "gone").look()


def test_runs_that_are_kept_elsewhere_are_listed_once_they_are_known(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    assert known_runs() == []
    make_run(tmp_path / "runs" / "first")
    elsewhere = [make_run(tmp_path / "other" / name).path for name in ("second", "third")]
    assert [run.folder.name for run in known_runs()] == ["first"]
    remember_run(elsewhere[0])
    remember_run(tmp_path / "runs" / "first")  # is listed anyway
    assert {run.folder.name for run in known_runs()} == {"first", "second"}
    remember_run(tmp_path / "other")
    assert [run.folder.name for run in known_runs()].count("second") == 1
    assert {run.folder.name for run in known_runs()} == {"first", "second", "third"}
    (elsewhere[1] / "place.json").unlink()
    assert {run.folder.name for run in known_runs()} == {"first", "second"}
    (tmp_path / "runs" / "elsewhere.json").write_text("{")
    assert [run.folder.name for run in known_runs()] == ["first"]
    with pytest.raises(TrainingError, match="holds no training run"):
        remember_run(tmp_path)
