import json

import pytest
import torch

from napari_tumor_synth.errors import InputError, TrainingError
from napari_tumor_synth.folders import user_models_folder
from napari_tumor_synth.generators.catalogue import list_models, resolve_model
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.export import export_run
from napari_tumor_synth.training.train import train_generator

CPU = MachineSettings(device="cpu")


@pytest.fixture(autouse=True)
def own_models(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("TUMOR_SYNTH_MODELS", raising=False)


@pytest.fixture(scope="module")
def run(tiny_cache, tiny_recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "whole"
    return train_generator(tiny_recipe, tiny_cache, out, machine=CPU).run


def test_an_export_is_the_runs_model_with_a_card(run, tmp_path):
    made = export_run(run, tmp_path / "mine.safetensors")
    content = read_checkpoint(made.path, expected_sha256=made.sha256)
    assert made.path.read_bytes() == (run / "checkpoint.safetensors").read_bytes()
    assert all(
        tensor.dtype == torch.float16
        for tensor in content.tensors.values()
        if tensor.is_floating_point()
    )
    card = (tmp_path / "mine.md").read_text("utf-8")
    recipe = json.loads((run / "run.json").read_text())
    for words in ("Not for clinical use", made.sha256, recipe["data"], "TO BE FILLED IN", "psnr"):
        assert words in card
    assert str(tmp_path.parent) not in card
    assert export_run(run, tmp_path / "mine.safetensors").sha256 == made.sha256


def test_an_installed_model_is_listed_and_runs(run):
    made = export_run(run, install=True, licence="CC-BY-4.0")
    assert made.path.parent == user_models_folder()
    listed = {model.entry.name: model.entry for model in list_models()}["tiny"]
    assert listed == made.entry
    assert (listed.licence, listed.classes) == ("CC-BY-4.0", ("HGG", "LGG"))
    rois = json.loads((run / "run.json").read_text())["rois"]
    assert listed.training_data == f"{rois['train']} ROIs"
    path, sha256 = resolve_model("tiny")
    assert sha256 == made.sha256
    generator = load_generator(path, torch.device("cpu"))
    assert generator.sample("HGG", [0])[0].roi.image.shape == (1, 16, 16, 16)


def test_another_model_of_the_name_is_not_replaced_in_silence(run):
    first = export_run(run, install=True)
    export_run(run, install=True)  # the same again
    with pytest.raises(InputError, match="--overwrite"):
        export_run(run, install=True, licence="another")
    assert read_checkpoint(first.path).sha256 == first.sha256
    second = export_run(run, install=True, licence="another", overwrite=True)
    assert resolve_model("tiny")[1] == second.sha256 != first.sha256
    third = export_run(run, install=True, name="tiny-2")
    assert third.path.name == "tiny-2.safetensors"
    assert read_checkpoint(third.path).settings["name"] == "tiny-2"
    assert {"tiny", "tiny-2"} <= {model.entry.name for model in list_models()}


def test_the_name_of_a_model_of_the_package_would_hide_this_one(run):
    bundled = list_models()[0].entry.name
    with pytest.raises(InputError, match="listed as"):
        export_run(run, install=True, name=bundled, overwrite=True)
    assert not (user_models_folder() / f"{bundled}.safetensors").exists()


def test_what_is_no_name_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="no name of a model"):
        export_run(run, name="../Mine")
    with pytest.raises(InputError, match="no name of a checkpoint"):
        export_run(run, tmp_path / "mine.pt")


def test_an_unfinished_run_gives_the_model_of_its_newest_state(tiny_cache, tiny_recipe, tmp_path):
    steps = 0

    def stop(progress):
        nonlocal steps
        steps += progress.message.startswith("transformer")
        if steps == 5:
            raise Cancelled

    out = tmp_path / "run"
    train_generator(tiny_recipe, tiny_cache, out, machine=CPU, max_minutes=0)
    with pytest.raises(TrainingError, match="no model to export yet"):
        export_run(out)
    with pytest.raises(Cancelled):
        train_generator(None, None, out, resume=True, on_progress=stop)
    made = export_run(out)
    assert made.path == out / "export" / "tiny.safetensors"
    assert not (out / "checkpoint.safetensors").exists()
    generator = load_generator(made.path, torch.device("cpu"))
    assert generator.sample("LGG", [0])[0].roi.image.shape == (1, 16, 16, 16)


def test_what_is_no_run_has_no_model(tmp_path):
    with pytest.raises(TrainingError, match="run"):
        export_run(tmp_path)
    assert list(tmp_path.iterdir()) == []
