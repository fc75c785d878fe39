"""Saving what was made already: nothing else is replaced."""

import dataclasses

import pytest
import torch

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.generators.provenance import read_provenance
from napari_tumor_synth.workflows.sample_files import save_sample
from tiny_vqgan import tiny_settings, write_tiny


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = write_tiny(tmp_path_factory.mktemp("model") / "tiny.safetensors", tiny_settings())
    return load_generator(path, torch.device("cpu")).sample("HGG", [7])[0]


def with_record(sample, **changes):
    return dataclasses.replace(sample, provenance=sample.provenance.model_copy(update=changes))


def test_the_same_sample_is_written_again(sample, tmp_path):
    first = save_sample(sample, tmp_path)
    later = with_record(sample, created="2026-01-01T00:00:00+00:00")
    assert save_sample(later, tmp_path) == first
    assert read_provenance(first.provenance).created == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "changes", [{"model_sha256": "0" * 64}, {"device": "cuda"}, {"tokens": ((1,),)}]
)
def test_another_sample_of_that_class_and_seed_stays(sample, tmp_path, changes):
    files = save_sample(with_record(sample, **changes), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="holds something else") as refusal:
        save_sample(sample, tmp_path)
    assert "--" not in refusal.value.remedy, "that is no remedy in a window"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert files.image.name in before


def test_another_file_of_that_name_stays(sample, tmp_path):
    files = save_sample(sample, tmp_path / "elsewhere")
    mine = tmp_path / files.image.name
    mine.write_text("notes")
    with pytest.raises(OutputError, match="holds something else"):
        save_sample(sample, tmp_path)
    assert mine.read_text() == "notes"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [mine.name]
