"""Runs that are killed at many random points end like one that is not, bit for bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "kill_loop.py"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, to be fast")
def test_a_run_killed_at_many_points_ends_like_one_that_is_not(tiny_recipe, tiny_cache, tmp_path):
    command = [sys.executable, str(SCRIPT), str(tiny_recipe), str(tiny_cache), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["code"] == 0, done.stderr
    killed = outcome["killed"]
    assert killed["autoencoder"] >= 12
    assert killed["transformer"] >= 12
    assert killed["encoding"] >= 2
    assert sum(count for where, count in killed.items() if "saving" in where) >= 4
    whole, again = tmp_path / "whole", tmp_path / "killed"
    for name in ("checkpoint.safetensors", "curves.csv"):
        assert (whole / name).read_bytes() == (again / name).read_bytes(), name
    assert json.loads((again / "status.json").read_text())["state"] == "finished"
    assert not list((again / "state").glob(".writing-*"))
