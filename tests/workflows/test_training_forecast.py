"""What a training takes, told before it starts."""

import pytest

from napari_tumor_synth.errors import CohortError, MemoryLimitError, TrainingError
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.disk_need import disk_need
from napari_tumor_synth.workflows import training_forecast
from napari_tumor_synth.workflows.training_forecast import forecast, settings_of
from tiny_cohort import TINY_RECIPE, write_tiny_cache

CPU = MachineSettings(device="cpu")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Return a folder with the cohort in ``cases`` and its cache in ``cache``."""
    root = tmp_path_factory.mktemp("blobs")
    write_tiny_cache(root)
    return root


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


def test_a_cache_is_counted_and_nothing_is_written(cohort, recipe, tmp_path):
    out = tmp_path / "runs" / "one"
    told = forecast(recipe, {}, cohort / "cache", out, CPU)
    assert told.rois == {"train": 12, "validation": 2}
    assert told.disk == disk_need(load_recipe(recipe), 2, 14).total
    assert 0 < told.memory < 100e6 < told.free_memory
    assert (told.micro_batch, told.batch, told.device) == (4, 4, "cpu")
    assert told.free_disk > 0
    assert not out.parent.exists()


def test_a_cohort_takes_the_room_of_its_rois_besides(cohort, recipe, tmp_path):
    told = forecast(recipe, {}, cohort / "cases", tmp_path / "run", CPU)
    assert (told.cases, told.left_out, told.rois) == (16, 0, {})
    assert told.disk == disk_need(load_recipe(recipe), 2, 16).total + 16 * 16**3 * 2


def test_changes_and_the_machine_count(cohort, recipe, tmp_path):
    plain = forecast(recipe, {}, cohort / "cache", tmp_path, CPU)
    small = MachineSettings(device="cpu", micro_batch=1)
    less = forecast(recipe, {}, cohort / "cache", tmp_path, small)
    assert less.micro_batch == 1
    assert less.memory < plain.memory
    larger = {"transformer.width": 64}
    assert forecast(recipe, larger, cohort / "cache", tmp_path, CPU).disk > plain.disk


def test_activations_are_computed_again_where_nothing_else_fits(
    cohort, recipe, tmp_path, monkeypatch
):
    whole = forecast(recipe, {}, cohort / "cache", tmp_path, MachineSettings("cpu", micro_batch=1))
    # as much as a single ROI needs by 9/10 of what is free less 200 MB, and a byte less
    free = round((whole.memory + 200_000_000) / 0.9) - 2
    monkeypatch.setattr(training_forecast, "free_memory", lambda device: free)
    assert forecast(recipe, {}, cohort / "cache", tmp_path, CPU).recompute
    never = MachineSettings("cpu", checkpoint_activations="off")
    with pytest.raises(MemoryLimitError, match="A single ROI"):
        forecast(recipe, {}, cohort / "cache", tmp_path, never)


def test_what_does_not_do_is_said(cohort, recipe, tmp_path):
    with pytest.raises(TrainingError, match="needs size"):
        forecast("vqgan-cond-small", {}, cohort / "cache", tmp_path, CPU)
    with pytest.raises(TrainingError, match="no"):
        forecast(recipe, {"no.such": 1}, cohort / "cache", tmp_path, CPU)
    with pytest.raises(CohortError):
        forecast(recipe, {}, tmp_path, tmp_path, CPU)


def test_the_settings_offered_are_those_of_the_recipe():
    offered = {setting.name: setting.value for setting in settings_of("vqgan-cond-small")}
    assert offered["name"] == "vqgan-cond-small"
    assert offered["token_training.top_k"] == 0.25
