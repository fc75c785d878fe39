"""The benchmarks of windows run, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_tumor_synth.generators.catalogue import add_to_catalogue
from tiny_cohort import TINY_RECIPE, write_tiny_cache
from tiny_vqgan import tiny_settings, write_tiny

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.gui, pytest.mark.slow]


def test_the_workbench_is_measured(tmp_path):
    model = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    about = {"name": "tiny", "description": "d", "licence": "CC0", "training_data": "noise"}
    add_to_catalogue(model, about)
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "workbench.py"), "--small", "--model", "tiny"],
        env={**os.environ, "TUMOR_SYNTH_MODELS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["slider_to_planes"]["median_s"] > 0
    assert result["cohort"]["cases"] == 335
    assert result["event_loop"]["generating_ms"]["max"] > 0


def test_the_train_panel_is_measured(tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_RECIPE.replace("steps = 20,", "steps = 4000,"))
    cache = write_tiny_cache(tmp_path / "blobs")
    script = ROOT / "benchmarks" / "train_panel.py"
    done = subprocess.run(
        [sys.executable, str(script), "--small", "--recipe", str(recipe), "--data", str(cache)],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["stop_s"] > 0
    assert result["event_loop"]["previews_ms"]["max"] > 0


def test_the_reading_window_is_measured():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "reading.py"), "--small"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    for task in ("single", "2afc"):
        assert result["tasks"][task]["next_case"]["runs"] >= 4
        assert result["tasks"][task]["next_case"]["median_s"] > 0
