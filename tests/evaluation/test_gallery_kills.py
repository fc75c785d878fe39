"""A build that is killed at many random moments ends like one that is not, byte for byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shared.made_up_cohort import write_cache

import ssim_blobs
from napari_tumor_synth.evaluation.pseudonyms import KEY

SCRIPT = Path(__file__).parents[1] / "gallery_kill_loop.py"


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != KEY
    }


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, to be fast")
def test_a_build_killed_at_many_moments_ends_like_one_that_is_not(tmp_path):
    rng = np.random.default_rng(0)
    write_cache(tmp_path / "cohort", [ssim_blobs.tumour(rng, 32, 1.2) for _ in range(40)])
    command = [sys.executable, str(SCRIPT), str(tmp_path / "cohort"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["code"] == 0, done.stderr
    killed = outcome["killed"]
    assert killed["indexing"] >= 5
    assert killed["comparing"] >= 2
    assert killed["transforms"] >= 5
    assert killed["writing"] >= 3
    whole, again = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert whole.keys() == again.keys()
    assert [name for name in whole if whole[name] != again[name]] == []
    assert not [name for name in again if ".writing-" in name]
    keys = [(tmp_path / name / KEY).read_text() for name in ("whole", "killed")]
    assert len(set(keys)) == 2
