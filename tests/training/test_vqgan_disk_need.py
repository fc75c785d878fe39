"""What a run is said to write, against files that were written."""

from pathlib import Path

import pytest

import napari_tumor_synth
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs.state_file import write_state
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.disk_need import disk_need
from napari_tumor_synth.training.vqgan.tokens import encode_once


@pytest.fixture(scope="module")
def stage(tiny_recipe, tiny_cache, tmp_path_factory):
    from lightning_fabric import Fabric

    from napari_tumor_synth.imaging.roi_cache import RoiCache

    cache, recipe = RoiCache.open(tiny_cache), load_recipe(tiny_recipe)
    fabric = Fabric(accelerator="cpu", devices=1)
    folder = tmp_path_factory.mktemp("run")
    indices = cache.indices("train")
    made = AutoencoderStage(recipe, cache, indices, indices, 2, fabric, folder)
    for index in (0, made.total_steps - 1):  # the second one with the discriminator
        made.step(index)
    return made


def test_a_state_is_as_large_as_said(stage, tmp_path):
    path = tmp_path / "state.safetensors"
    write_state(stage.state(), path)
    said = disk_need(stage.recipe, 2, 0, kept_states=1)
    transformer = said.states - said.largest_state  # the other stage's one state is larger
    size = path.stat().st_size
    first = said.states - 2 * said.largest_state
    assert said.largest_state > first
    assert transformer > first
    assert first == pytest.approx(size, rel=0.15, abs=40_000)  # names of tensors come on top


def test_tokens_are_as_large_as_said(stage, tmp_path):
    path = tmp_path / "tokens.safetensors"
    indices = stage.training[:4]
    encode_once(path, stage.learnt, stage.source, indices, stage.fabric, mirror=True)
    assert stage.recipe.token_training.mirror
    said = disk_need(stage.recipe, 2, len(indices)).tokens
    assert said == pytest.approx(path.stat().st_size, abs=1000)


def test_the_bundled_models_file_is_as_large_as_said():
    path = Path(napari_tumor_synth.__path__[0]) / "models" / "phantom-flair-64.safetensors"
    said = disk_need(load_recipe("phantom-flair-64"), 2, 0).checkpoint
    assert said == pytest.approx(path.stat().st_size, rel=0.01)


def test_states_count_as_often_as_they_are_kept():
    recipe = load_recipe("vqgan-lat8")
    need, more = (disk_need(recipe, 1, 300, kept_states=kept) for kept in (2, 3))
    each_stage_once = more.states - need.states
    assert need.states == 2 * each_stage_once + need.largest_state
    assert need.largest_state == pytest.approx(3 * 4 * 303.884e6, rel=0.01)
    assert need.total > need.states
    assert need.host_memory > need.largest_state
