import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_tumor_synth.cli import train as verb
from napari_tumor_synth.folders import RUNS_VARIABLE
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.record import read_place, read_record

STOPPING = (signal.SIGINT, signal.SIGTERM)


def test_train_stop_resume_generate(run, refuse, tiny_recipe, tiny_cache, tmp_path, monkeypatch):
    out = tmp_path / "my run"
    given = ["train", tiny_recipe, "--data", tiny_cache, "--out", out, "--device", "cpu"]
    stopped = run(*given, "--max-minutes", 0, "--json")
    assert stopped.json == {"run": str(out), "finished": False, "checkpoint": None}
    assert "its time is up" in stopped.err
    program, *again = shlex.split(stopped.err.partition("Go on with: ")[2])
    assert (program, again) == ("tumor-synth", ["train", "--resume", str(out)])

    assert "--resume" in refuse(*given)  # a run is there already
    words = refuse("generate", "--model", out, "--class", "LGG", "--out", "x")
    assert "is not finished" in words
    assert "--resume" in words

    finished = run(*again, "--json").json
    assert finished["finished"] is True
    assert finished["checkpoint"] == str(out / "checkpoint.safetensors")
    program, *trial = shlex.split(run(*again).out.partition("try it")[2])
    assert program == "tumor-synth"
    monkeypatch.chdir(tmp_path)
    made = run(*trial, "--json").json
    assert made["model"] == "tiny"
    assert os.path.isfile(made["samples"][0]["image"])


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_stops_at_the_end_of_a_step(
    run, tiny_recipe, tiny_cache, tmp_path, monkeypatch, number
):
    from napari_tumor_synth.training import train as training

    real, before = training.train_generator, [signal.getsignal(one) for one in STOPPING]

    def interrupted(*arguments, on_progress, **options):
        def listen(progress):
            if progress.step == 4:
                signal.raise_signal(number)
            on_progress(progress)

        return real(*arguments, on_progress=listen, **options)

    monkeypatch.setattr(training, "train_generator", interrupted)
    out = tmp_path / "run"
    outcome = run("train", tiny_recipe, "--data", tiny_cache, "--out", out, "--device", "cpu")
    assert outcome.code == 130
    assert outcome.out == ""
    assert f"tumor-synth train --resume {out}" in outcome.err
    assert RunFolder(out).latest_state("autoencoder")[0] == 4
    assert [signal.getsignal(one) for one in STOPPING] == before


def test_a_second_signal_stops_at_once():
    seen = []
    with verb.stop_at_a_step(seen.append):
        signal.raise_signal(signal.SIGTERM)
        seen.append("goes on")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert seen == ["goes on"]


@pytest.mark.slow
def test_a_process_that_is_terminated_goes_on(tiny_recipe, tiny_cache, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "napari_tumor_synth.cli", "train", str(tiny_recipe)]
    command += ["--data", str(tiny_cache), "--out", str(out), "--device", "cpu"]
    process = subprocess.Popen([*command, "--save-minutes", "0"], stderr=subprocess.PIPE, text=True)
    while not RunFolder(out).latest_state("autoencoder") and process.poll() is None:
        time.sleep(0.05)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err
    again = [*command[:4], "--resume", str(out), "--accept-changed-code"]
    done = subprocess.run(again, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (out / "checkpoint.safetensors").is_file()


def test_a_resumed_run_needs_no_argument(
    run, refuse, tiny_recipe, tiny_cache, tmp_path, monkeypatch
):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    assert "waits to be gone on with" in refuse("train", "--resume")
    given = ["train", tiny_recipe, "--data", tiny_cache, "--device", "cpu", "--max-minutes", 0]
    made = [run(*given, "--set", f"seed={seed}", "--json").json["run"] for seed in (5, 6)]
    assert all(path.startswith(str(tmp_path / "runs" / "tiny-")) for path in made)
    monkeypatch.chdir(tmp_path)  # nothing depends on where it is called from
    resumed = run("train", "--resume", "--max-minutes", 0, "--json").json
    assert resumed["run"] == made[1]
    assert read_record(Path(made[1])).recipe["seed"] == 6
    assert read_place(Path(made[1])).machine.device == "cpu"


def test_settings_of_the_recipe_are_changed_and_kept(
    run, refuse, tiny_recipe, tiny_cache, tmp_path
):
    out = tmp_path / "run"
    given = ["train", tiny_recipe, "--data", tiny_cache, "--out", out, "--device", "cpu"]
    change = ["--set", "token_training.mask_ratio=0.25"]
    run(*given, *change, "--max-minutes", 0)
    words = refuse(*given, "--resume")
    assert "token_training.mask_ratio was 0.25 and is 0.5 now" in words
    again = run(*given, *change, "--resume", "--max-minutes", 0, "--json").json
    assert again["finished"] is False
    assert "keeps its recipe" in refuse("train", "--resume", out, *change)


def test_what_cannot_be_trained(refuse, tiny_recipe, tiny_cache, tmp_path):
    out = ["--out", tmp_path / "run"]
    assert "There is no recipe" in refuse("train", "nothing", "--data", tiny_cache, *out)
    assert "needs size" in refuse("train", "phantom-flair-64", "--data", tiny_cache, *out)
    assert "no training run to resume" in refuse(
        "train", tiny_recipe, "--data", tiny_cache, *out, "--resume"
    )
    refuse("train", tiny_recipe, "--data", tmp_path / "nowhere", *out)
    refuse("train", tiny_recipe, "--data", tiny_cache, *out, "--device", "abacus")
    refuse("train", tiny_recipe, "--data", tiny_cache, "--out", tiny_recipe)
    refuse("train", tiny_recipe, "--data", tiny_cache, *out, "--set", "seed=much")
    assert "Name a recipe and --data" in refuse("train", *out)
    assert "holds no training run" in refuse("train", "--resume", tmp_path)
    several = ["--devices", 2, "--device", "cpu"]
    assert "--out" in refuse("train", tiny_recipe, "--data", tiny_cache, *several)
    assert not (tmp_path / "run").exists()
