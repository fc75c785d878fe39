"""One command trains on two devices: one of their processes keeps the folder and speaks."""

import json
import os
import subprocess
import sys

import pytest

from tiny_cohort import TINY_RECIPE, write_tiny_cache

EVEN = TINY_RECIPE.replace("batch = 3, epochs = 2", "batch = 4, epochs = 1")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return write_tiny_cache(tmp_path_factory.mktemp("blobs"))


def train(folder, *arguments):
    command = [sys.executable, "-m", "napari_tumor_synth.cli", "train", "recipe.toml"]
    command += ["--out", "run", "--device", "cpu", "--devices", "2", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_make_one_model(cache, tmp_path):
    (tmp_path / "recipe.toml").write_text(EVEN)
    done = train(tmp_path, "--data", cache, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"]  # one object, of the first process
    log = (tmp_path / "run" / "log.txt").read_text("utf-8")
    assert log.count("finished") == 1
    rows = (tmp_path / "run" / "curves.csv").read_text("utf-8").splitlines()
    keys = [row.rsplit(",", 1)[0] for row in rows]
    assert len(keys) == len(set(keys))
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()


def test_a_batch_that_two_cannot_share_is_refused_before_anything_is_written(cache, tmp_path):
    (tmp_path / "recipe.toml").write_text(TINY_RECIPE)
    done = train(tmp_path, "--data", cache)
    assert done.returncode == 2
    assert "A batch of 3 ROIs cannot be shared evenly among 2 devices" in done.stderr
    assert not (tmp_path / "run").exists()
