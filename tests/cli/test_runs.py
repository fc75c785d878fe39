import re
import subprocess
import sys

import pytest

from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.record import RunPlace, RunRecord
from napari_tumor_synth.training.runs.status import summary_of
from napari_tumor_synth.training.stage import Alarm


@pytest.fixture
def runs_folder(tmp_path):
    """Two runs: one goes on, one failed with an alarm on."""
    for name in ("first", "second"):
        run = RunFolder(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        run.settle(RunPlace(recipe={"name": f"recipe-{name}"}, data="/d"))
        run.start(RunRecord(recipe={"name": f"recipe-{name}"}, data="d"))
        run.reporter.change(stages=("autoencoder", "transformer"))
        run.reporter.begin_stage("autoencoder", 30, 200)
        run.reporter.change(
            "looks bad",
            seconds_left=7300.0,
            figures={"loss": float("nan")},
            review={"validation psnr": 21.5},
        )
        run.reporter.alarms([Alarm("collapse", "Few codes are used.", "Wait.")])
    run.reporter.fail("The disk is full. Free space.")
    return tmp_path / "runs"


def test_runs_are_listed_with_all_that_matters(run, runs_folder):
    with RunFolder(runs_folder / "first").held():
        lines = run("runs", runs_folder).out.splitlines()
        found = {one["name"]: one for one in run("runs", runs_folder, "--json").json["runs"]}
    text = "\n".join(lines)
    assert "recipe-first  running, autoencoder 30/200 (15 %), about 2 h left, then transf" in text
    assert re.search(r"recipe-second  failed, autoencoder 30/200 \(15 %\), \d+ s ago", text)
    assert "    alarm: Few codes are used. Wait." in lines
    assert "    The disk is full. Free space." in lines
    assert "    validation psnr 21.5, loss nan" in lines
    assert f"    {runs_folder / 'first'}" in lines
    first = found["recipe-first"]
    assert (first["state"], first["step"], first["total"], first["percent"]) == (
        "running", 30, 200, 15.0,
    )  # fmt: skip
    assert first["figures"] == {"loss": None, "validation psnr": 21.5}
    assert (first["seconds_left"], found["recipe-second"]["seconds_left"]) == (7300.0, None)
    assert found["recipe-second"]["error"] == "The disk is full. Free space."


def test_one_run_is_shown_with_the_end_of_its_log(run, runs_folder):
    out = run("runs", runs_folder / "second").out
    assert "recipe-first" not in out
    assert "looks bad" in out
    assert "failed: The disk is full." in out


def test_no_runs_are_no_error_but_no_folder_is(run, refuse, tmp_path):
    assert "There are no trainings" in run("runs").out
    assert run("runs", "--json").json == {"runs": []}
    assert "There is no folder" in refuse("runs", tmp_path / "nowhere")


def test_a_run_is_exported_and_listed_among_the_models(
    run, refuse, tiny_recipe, tiny_cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    out = tmp_path / "run"
    run("train", tiny_recipe, "--data", tiny_cache, "--out", out, "--device", "cpu")
    made = run("export", out, "--install", "--json").json
    assert made["listed_as"] == "tiny"
    listed = {model["name"]: model for model in run("models", "--json").json["models"]}
    assert listed["tiny"]["sha256"] == made["sha256"]
    words = refuse("export", out, "--install", "--licence", "BSD-3-Clause")
    assert "--overwrite" in words
    assert "model card" in run("export", out, "--out", tmp_path / "mine.safetensors").out
    assert (tmp_path / "mine.md").is_file()
    assert run("runs", out, "--json").json["runs"][0]["state"] == "finished"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no limit for the size of files")
def test_a_full_disk_ends_the_command_in_a_sentence(run, tiny_recipe, tiny_cache, tmp_path):
    out = tmp_path / "run"
    given = ["train", tiny_recipe, "--data", tiny_cache, "--out", out, "--device", "cpu"]
    run(*given, "--max-minutes", 0)
    whole = (out / "state" / "autoencoder-000000001.safetensors").read_bytes()
    train = [sys.executable, "-m", "napari_tumor_synth.cli", "train", "--resume", str(out)]
    train += ["--save-minutes", "0", "--accept-changed-code"]
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash", *train]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert (out / "state" / "autoencoder-000000001.safetensors").read_bytes() == whole
    assert not list((out / "state").glob(".writing-*"))
    assert summary_of(out).state == "failed"
    resumed = run("train", "--resume", out, "--accept-changed-code", "--json").json
    assert resumed["finished"] is True
