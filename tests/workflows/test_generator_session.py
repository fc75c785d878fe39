import shutil
import weakref

import numpy as np
import pytest
import torch

from napari_tumor_synth.errors import (
    CheckpointError,
    DeviceLostError,
    InputError,
    UnknownClassError,
)
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.imaging.roi import regrid_roi
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.workflows import generator_session
from napari_tumor_synth.workflows.generate import open_generator
from napari_tumor_synth.workflows.generator_session import GeneratorSession
from tiny_vqgan import tiny_settings, write_tiny

CPU = torch.device("cpu")


@pytest.fixture
def model(tmp_path):
    return write_tiny(tmp_path / "tiny.safetensors", tiny_settings())


@pytest.fixture
def loads(monkeypatch):
    """Count how often a checkpoint is loaded."""
    paths = []

    def counted(model, *rest):
        paths.append(model)
        return open_generator(model, *rest)

    monkeypatch.setattr(generator_session, "open_generator", counted)
    return paths


def test_samples_are_those_of_the_generator_and_it_is_loaded_once(model, loads):
    session = GeneratorSession()
    first = session.sample(str(model), "cpu", "LGG", [3, 4])
    second = session.sample(str(model), "cpu", "HGG", [3])
    expected = load_generator(model, CPU)
    for mine, theirs in zip(first, expected.sample("LGG", [3, 4]), strict=True):
        np.testing.assert_array_equal(mine.roi.image, theirs.roi.image)
    np.testing.assert_array_equal(second[0].roi.image, expected.sample("HGG", [3])[0].roi.image)
    assert len(loads) == 1


def test_another_file_is_loaded_anew(model, loads, tmp_path):
    session = GeneratorSession()
    before = session.sample(str(model), "cpu", "LGG", [3])[0]
    other = write_tiny(tmp_path / "other.safetensors", tiny_settings(), seed=1)
    session.sample(str(other), "cpu", "LGG", [3])
    shutil.copyfile(other, model)  # the same name, other weights
    after = session.sample(str(model), "cpu", "LGG", [3])[0]
    assert len(loads) == 3
    assert before.provenance.model_sha256 != after.provenance.model_sha256


def test_release_gives_the_generator_away(model, loads):
    session = GeneratorSession()
    session.release()
    session.sample(str(model), "cpu", "LGG", [3])
    session.release()
    session.sample(str(model), "cpu", "LGG", [3])
    assert len(loads) == 2


def test_release_leaves_no_weights_in_memory(model):
    session = GeneratorSession()
    session.sample(str(model), "cpu", "LGG", [3])
    networks = (session._generator.autoencoder, session._generator.transformer)
    weights = [weakref.ref(one) for network in networks for one in network.parameters()]
    del networks
    session.release()
    assert len(weights) > 10
    assert all(one() is None for one in weights)


def test_a_sample_is_repeated_by_its_own_model_only(model, tmp_path):
    session = GeneratorSession()
    sample = session.sample(str(model), "cpu", "LGG", [3])[0]
    again = session.repeat(str(model), "cpu", sample.provenance)
    np.testing.assert_array_equal(again.roi.image, sample.roi.image)
    other = write_tiny(tmp_path / "other.safetensors", tiny_settings(), seed=1)
    with pytest.raises(CheckpointError):
        session.repeat(str(other), "cpu", sample.provenance)


def test_importance_lies_on_the_grid_of_the_roi(model):
    session = GeneratorSession()
    roi = session.sample(str(model), "cpu", "LGG", [3])[0].roi
    finer = regrid_roi(roi, (40, 40, 40), 2.0)
    scores = session.importance(str(model), "cpu", finer)
    assert scores.shape == finer.mask.shape
    assert np.all(scores[~finer.mask] == 0)
    assert np.all((scores[finer.mask] > 0) & (scores[finer.mask] < 1))


def test_a_failure_does_not_spoil_the_session(model):
    session = GeneratorSession()
    with pytest.raises(InputError):
        session.sample("no such model", "cpu", "LGG", [3])
    with pytest.raises(UnknownClassError):
        session.sample(str(model), "cpu", "BRAF", [3])

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        session.sample(str(model), "cpu", "LGG", [3], on_progress=stop)
    assert len(session.sample(str(model), "cpu", "LGG", [3])) == 1


def test_a_lost_device_is_a_sentence_and_the_next_request_loads_anew(model, loads, monkeypatch):
    session = GeneratorSession()
    session.sample(str(model), "cpu", "LGG", [3])

    def lost(*given, **more):
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    with monkeypatch.context() as patch:
        patch.setattr(type(session._generator.autoencoder), "decode_codes", lost)
        with pytest.raises(DeviceLostError, match="stopped answering"):
            session.sample(str(model), "cpu", "LGG", [3])
    session.sample(str(model), "cpu", "LGG", [3])
    assert len(loads) == 2


def test_only_changes_of_the_models_own_settings_are_given(tmp_path):
    own = DecodingSettings(top_p=0.5, temperature=0.9)
    settings = tiny_settings().model_copy(update={"decoding": own})
    path = write_tiny(tmp_path / "own.safetensors", settings)
    (kept,) = GeneratorSession().sample(str(path), "cpu", "LGG", [3])
    assert kept.provenance.decoding.like(own)
    (changed,) = GeneratorSession().sample(str(path), "cpu", "LGG", [3], {"temperature": 1.5})
    assert changed.provenance.decoding.temperature == 1.5
    assert changed.provenance.decoding.top_p == 0.5
