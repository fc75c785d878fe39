"""Whatever goes wrong in a run is a sentence, and the run goes on when it is repaired."""

import errno
import json
import os
import random
import re
import shutil
from contextlib import suppress

import pytest
from safetensors.torch import load_file

from napari_tumor_synth.errors import CohortError, OutputError, TrainingError, TumorSynthError
from napari_tumor_synth.training import train as training
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.lock import RunLock
from napari_tumor_synth.training.runs.record import read_record
from napari_tumor_synth.training.runs.status import find_runs, log_tail, read_status, summary_of
from napari_tumor_synth.training.train import train_generator
from tiny_cohort import TINY_RECIPE, write_tiny_cache

CPU = MachineSettings(device="cpu")
SHORT = re.sub(r"(?m)^phases = .*$", "phases = [{ batch = 2, steps = 5, crop = 8 }]", TINY_RECIPE)
SHORT = SHORT.replace(", crop = 8", "", 2).replace("steps = 5", "steps = 5, crop = 8", 1)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return write_tiny_cache(tmp_path_factory.mktemp("blobs"), 5)


@pytest.fixture(scope="module")
def whole(recipe, cache, tmp_path_factory):
    """Return the tensors of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("run") / "whole"
    return load_file(train_generator(recipe, cache, out, machine=CPU, save_minutes=0).checkpoint)


@pytest.fixture
def stopped(recipe, cache, tmp_path):
    """Return the folder of a run that stopped after its first step."""
    out = tmp_path / "run"
    train_generator(recipe, cache, out, machine=CPU, save_minutes=0, max_minutes=0)
    return out


def at_step(step, act):
    def listen(progress):
        if progress.step == step and not listen.done:
            listen.done = True
            act()

    listen.done = False
    return listen


def assert_resumes(out, whole):
    checkpoint = train_generator(None, None, out, resume=True).checkpoint
    ours = load_file(checkpoint)
    assert ours.keys() == whole.keys()
    assert all(bool((ours[name] == whole[name]).all()) for name in whole)
    assert summary_of(out).state == "finished"


def content_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_process_is_refused_and_touches_nothing(stopped):
    lock = RunLock(stopped)
    assert lock.acquire()
    before = content_of(stopped)
    with pytest.raises(TrainingError, match=rf"trained by process {os.getpid()} since 20"):
        train_generator(None, None, stopped, resume=True)
    assert content_of(stopped) == before
    assert summary_of(stopped).state == "running"
    lock.release()
    assert summary_of(stopped).state == "stopped"


def test_a_removed_data_folder_stops_the_run_until_it_is_back(recipe, cache, whole, tmp_path):
    mine = tmp_path / "cache"
    shutil.copytree(cache, mine)
    away = at_step(3, lambda: (mine / "arrays").rename(tmp_path / "away"))
    with pytest.raises(CohortError, match="cannot be used"):
        train_generator(
            recipe, mine, tmp_path / "run", machine=CPU, save_minutes=0, on_progress=away
        )
    summary = summary_of(tmp_path / "run")
    assert summary.state == "failed"
    assert "cannot be used" in summary.status.error
    assert RunFolder(tmp_path / "run").latest_state("autoencoder")[0] == 3
    (tmp_path / "away").rename(mine / "arrays")
    assert_resumes(tmp_path / "run", whole)


def test_a_removed_run_folder_is_not_made_anew(recipe, cache, whole, tmp_path):
    out = tmp_path / "run"
    away = at_step(3, lambda: out.rename(tmp_path / "away"))
    with pytest.raises(OutputError, match="removed"):
        train_generator(recipe, cache, out, machine=CPU, save_minutes=0, on_progress=away)
    assert not out.exists()
    (tmp_path / "away").rename(out)
    assert_resumes(out, whole)


def test_a_run_in_the_place_of_another_is_left_alone(recipe, cache, stopped, tmp_path):
    out = tmp_path / "new"

    def replace():
        out.rename(tmp_path / "away")
        shutil.copytree(stopped, out)

    with pytest.raises(OutputError, match="replaced"):
        train_generator(
            recipe, cache, out, machine=CPU, save_minutes=0, on_progress=at_step(3, replace)
        )
    for path, content in content_of(stopped).items():
        assert (out / path.relative_to(stopped)).read_bytes() == content


@pytest.mark.parametrize("writes", [3, 11, 20, 31])
def test_a_full_disk_stops_the_run_until_there_is_space(
    recipe, cache, whole, tmp_path, monkeypatch, writes
):
    out, real, count = tmp_path / "run", os.fsync, 0

    def fsync(handle):
        nonlocal count
        count += 1
        if count > writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(OutputError, match="No space left on device"):
            train_generator(recipe, cache, out, machine=CPU, save_minutes=0)
    summary = summary_of(out)
    assert summary.state == "failed"
    assert "No space left" in summary.status.error
    assert not list(out.rglob(".writing-*"))
    assert_resumes(out, whole)


@pytest.mark.parametrize("name", ["run.json", "place.json", "status.json"])
def test_damaged_files_are_a_sentence(stopped, cache, recipe, name):
    whole = (stopped / name).read_bytes()
    chance = random.Random(name)
    contents = [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 5000, b'{"recipe": 3, "data": 4}']
    for _ in range(25):
        damaged = bytearray(whole[: chance.randrange(1, len(whole))])
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        contents.append(bytes(damaged))
    for content in contents:
        (stopped / name).write_bytes(content)
        runs = find_runs(stopped.parent)
        assert [run.folder for run in runs] == [stopped]
        with suppress(TumorSynthError):
            train_generator(None, None, stopped, resume=True, max_minutes=0)
        if name == "status.json":
            assert read_status(stopped).state == "stopped"


def test_a_damaged_note_of_a_finished_stage_is_a_sentence(stopped):
    (stopped / "autoencoder.done.json").write_text('{"last_rev')
    with pytest.raises(TrainingError, match=r"done\.json is damaged"):
        RunFolder(stopped).summary("autoencoder")


def test_other_code_is_refused_unless_it_is_accepted(stopped, monkeypatch):
    here = training.environment()
    other = {**here, "napari-tumor-synth": "99.0"}
    monkeypatch.setattr(training, "environment", lambda: other)
    before = content_of(stopped)
    with pytest.raises(TrainingError, match=r"version 99\.0"):
        train_generator(None, None, stopped, resume=True)
    assert {p: c for p, c in content_of(stopped).items() if p.name != "lock"} == {
        p: c for p, c in before.items() if p.name != "lock"
    }
    for _ in range(2):
        train_generator(None, None, stopped, resume=True, max_minutes=0, accept_changed_code=True)
    record = read_record(stopped)
    assert record.environment == here
    assert record.continued_with == (other,)
    train_generator(None, None, stopped, resume=True, max_minutes=0)  # is accepted for good


def test_another_cohort_is_refused_with_both_counts(stopped, tmp_path):
    other = write_tiny_cache(tmp_path / "more", 6)
    with pytest.raises(TrainingError, match=r"it had 10 ROIs .* and has 12 ROIs"):
        train_generator(None, other, stopped, resume=True)
    assert summary_of(stopped).state == "stopped"


def test_a_run_that_was_moved_to_another_machine_asks_for_its_data(stopped, cache, whole):
    (stopped / "place.json").unlink()
    with pytest.raises(TrainingError, match="--data"):
        train_generator(None, None, stopped, resume=True)
    outcome = train_generator(None, cache, stopped, resume=True, machine=CPU)
    assert outcome.finished
    assert json.loads((stopped / "place.json").read_text())["data"] == str(cache)


def test_a_run_that_failed_unforeseen_says_so(recipe, cache, tmp_path):
    with pytest.raises(ZeroDivisionError):
        train_generator(
            recipe, cache, tmp_path / "run", machine=CPU, on_progress=at_step(2, lambda: 1 / 0)
        )
    summary = summary_of(tmp_path / "run")
    assert summary.state == "failed"
    assert "ZeroDivisionError" in summary.status.error
    assert "ZeroDivisionError" in log_tail(tmp_path / "run")[-1]


def test_a_run_on_phantoms_and_one_on_patients_say_what_they_hold(stopped, cache, recipe, tmp_path):
    assert (stopped / "README.txt").read_text().startswith("Simulated data.")
    mine = tmp_path / "cache"
    shutil.copytree(cache, mine)
    manifest = json.loads((mine / "manifest.json").read_text())
    (mine / "manifest.json").write_text(json.dumps(manifest | {"patient_data": True}))
    train_generator(recipe, mine, tmp_path / "r", machine=CPU, max_minutes=0)
    assert (tmp_path / "r" / "README.txt").read_text().startswith("PATIENT DATA.")
