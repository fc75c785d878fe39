import shutil
import subprocess
from pathlib import Path

import pytest

from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs.environment import environment, source_commit
from napari_tumor_synth.training.vqgan.loss_settings import PerceptualChoice
from tiny_cohort import TINY_RECIPE

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not in a repository")
def test_the_commit_of_the_source_is_recorded():
    git = shutil.which("git")
    head = subprocess.run(
        [git, "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert source_commit().removesuffix("+changes") == head.stdout.strip()


@pytest.fixture(autouse=True)
def looked_up_anew():
    source_commit.cache_clear()
    yield
    source_commit.cache_clear()


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment()["commit"] == "unknown"


def test_a_recorded_recipe_names_files_by_their_hash(tmp_path):
    weights = tmp_path / "vgg16.safetensors"
    weights.write_bytes(b"weights")
    path = tmp_path / "r.toml"
    path.write_text(TINY_RECIPE)
    recipe = load_recipe(path)
    choice = PerceptualChoice(backbone="vgg16", weights_file=str(weights))
    training = recipe.autoencoder_training.model_copy(update={"perceptual": choice})
    recorded = recipe.model_copy(update={"autoencoder_training": training}).recorded()
    assert str(tmp_path) not in str(recorded)
    named = recorded["autoencoder_training"]["perceptual"]["weights_file"]
    # of b"weights", by sha256sum
    assert named == "sha256:" + _sha256sum(weights)


def _sha256sum(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
