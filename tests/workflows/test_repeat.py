"""A record that was changed is refused by the command and by the workbench alike."""

import json

import numpy as np
import pytest

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.workflows.generate import GenerationRequest, generate_to_folder
from napari_tumor_synth.workflows.generator_session import GeneratorSession
from napari_tumor_synth.workflows.repeat import request_from_provenance
from tiny_vqgan import tiny_settings, write_tiny

SEED = 1  # the tiny model draws other tokens for its other class


@pytest.fixture
def model(tmp_path):
    return str(write_tiny(tmp_path / "tiny.safetensors", tiny_settings()))


@pytest.fixture
def written(model, tmp_path):
    request = GenerationRequest(("HGG",), (SEED,), model, "cpu")
    return generate_to_folder(request, tmp_path / "out").samples[0].provenance


def changed(path, **change):
    record = json.loads(path.read_text())
    if change.pop("earlier", False):  # before there were seals
        del record["seal"]
    other = path.with_name("changed.json")
    other.write_text(json.dumps({**record, **change}))
    return other


def refusals(path, model, out):
    """Return what the command and the workbench say."""
    request = request_from_provenance(path, model=model, device="cpu")
    with pytest.raises(InputError) as of_command:
        generate_to_folder(request, out)
    with pytest.raises(InputError) as of_workbench:
        GeneratorSession().repeat(model, "cpu", request.repeat)
    assert not out.exists()
    return {str(of_command.value), str(of_workbench.value)}


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    "change", [{"class_name": "LGG"}, {"class_name": "XXX"}, {"seed": 8}, {"grid": [32, 32, 32]}]
)
def test_a_changed_record_is_refused(written, model, tmp_path, change, earlier):
    path = changed(written, earlier=earlier, **change)
    (said,) = refusals(path, model, tmp_path / "again")
    assert "record" in said or "no class" in said


@pytest.mark.parametrize("earlier", [False, True])
def test_the_record_as_it_was_written_makes_the_sample_again(written, model, tmp_path, earlier):
    record = request_from_provenance(changed(written, earlier=earlier), model=model).repeat
    again = GeneratorSession().repeat(model, "cpu", record)
    first = GeneratorSession().sample(model, "cpu", "HGG", [SEED])[0]
    np.testing.assert_array_equal(again.roi.image, first.roi.image)
    assert again.provenance.is_unaltered
