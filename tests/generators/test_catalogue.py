import json

import pytest

from napari_tumor_synth.errors import CheckpointError, InputError, MemoryLimitError
from napari_tumor_synth.generators import catalogue
from tiny_vqgan import tiny_settings, write_tiny

VALUES = {
    "name": "tiny",
    "description": "a test",
    "licence": "BSD-3-Clause",
    "training_data": "none",
}


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    write_tiny(folder / "tiny.safetensors", tiny_settings())
    monkeypatch.setattr(catalogue, "catalogue_folders", lambda: [folder])
    return folder


def test_an_entry_tells_what_its_checkpoint_holds(models):
    entry = catalogue.add_to_catalogue(models / "tiny.safetensors", dict(VALUES))
    assert entry.grid == (16, 16, 16)
    assert entry.classes == ("HGG", "LGG")
    assert entry.decoding == tiny_settings().decoding.model_dump()
    assert entry.memory_mb > 0
    listed = catalogue.list_models()
    assert [model.entry for model in listed] == [entry]
    path, sha256 = catalogue.resolve_model("tiny")
    assert path == models / "tiny.safetensors"
    assert sha256 == entry.sha256
    assert catalogue.resolve_model(None) == (path, sha256)


def test_adding_again_replaces(models):
    catalogue.add_to_catalogue(models / "tiny.safetensors", dict(VALUES))
    catalogue.add_to_catalogue(models / "tiny.safetensors", VALUES | {"description": "new"})
    assert [m.entry.description for m in catalogue.list_models()] == ["new"]


def test_an_unknown_model_lists_those_there_are(models):
    catalogue.add_to_catalogue(models / "tiny.safetensors", dict(VALUES))
    with pytest.raises(InputError, match="Choose one of: tiny"):
        catalogue.resolve_model("huge")


def test_a_model_that_needs_more_memory_than_the_cap_is_refused(models):
    entry = catalogue.add_to_catalogue(models / "tiny.safetensors", dict(VALUES))
    large = entry.model_copy(update={"memory_mb": 1500.0})
    with pytest.raises(MemoryLimitError, match=r"about 1\.5 GB .* cap is 1\.4 GB"):
        catalogue.require_within(large, 1.4)
    catalogue.require_within(large, 1.5)
    catalogue.require_within(large, 0)
    catalogue.require_within(entry.model_copy(update={"memory_mb": None}), 0.001)
    for name in ("tiny", None):
        with pytest.raises(MemoryLimitError):
            catalogue.resolve_model(name, memory_cap_gb=1e-6)


def test_an_unfinished_run_says_so(tmp_path):
    with pytest.raises(InputError, match="There is no model"):
        catalogue.resolve_model(str(tmp_path))
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="not finished") as caught:
        catalogue.resolve_model(str(tmp_path))
    assert "--resume" in caught.value.remedy


def test_the_users_own_folder_is_searched():
    assert catalogue.user_models_folder() in catalogue.catalogue_folders()


def test_paths_and_run_folders_resolve_without_a_promised_hash(models):
    assert catalogue.resolve_model(str(models / "tiny.safetensors"))[1] is None
    (models / "tiny.safetensors").rename(models / "checkpoint.safetensors")
    assert catalogue.resolve_model(str(models)) == (models / "checkpoint.safetensors", None)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '{"models": 3}',
        json.dumps({"models": [VALUES]}),
        json.dumps({"schema_version": 2}),
        json.dumps({"models": [], "extra": 1}),
    ],
)
def test_a_broken_catalogue_is_a_sentence(models, content):
    (models / "catalogue.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"catalogue\.json cannot be read"):
        catalogue.list_models()


def test_a_file_name_cannot_leave_the_folder(models):
    entry = catalogue.add_to_catalogue(models / "tiny.safetensors", dict(VALUES))
    escaping = entry.model_dump(mode="json") | {"file": "../secret.safetensors"}
    (models / "catalogue.json").write_text(json.dumps({"models": [escaping]}))
    with pytest.raises(CheckpointError, match="file"):
        catalogue.list_models()


def test_folders_of_the_variable_are_searched(tmp_path, monkeypatch):
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))
    assert tmp_path in catalogue.catalogue_folders()
