import shutil
import threading
import time
import weakref

import numpy as np
import pytest
import torch

from napari_tumor_synth.errors import (
    CheckpointError,
    DeviceLostError,
    InputError,
    MemoryLimitError,
    UnknownClassError,
)
from napari_tumor_synth.generators.catalogue import add_to_catalogue
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

    def counted(model, *rest, **options):
        paths.append(model)
        return open_generator(model, *rest, **options)

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


@pytest.fixture
def running(model, monkeypatch):
    """Return a session whose run goes on in another thread until it is told to end."""
    session, go_on = GeneratorSession(), threading.Event()
    session.sample(str(model), "cpu", "LGG", [1])
    begun = threading.Event()

    def hold(progress):
        if progress.step == 1:
            begun.set()
            assert go_on.wait(20)

    run = threading.Thread(
        target=session.sample,
        args=(str(model), "cpu", "LGG", [3]),
        kwargs={"on_progress": hold},
    )
    run.start()
    assert begun.wait(20)

    def end():
        go_on.set()
        run.join(20)

    yield session, end
    end()


def test_release_during_a_run_waits_for_nobody_and_loses_nothing(running, model, loads):
    session, end = running
    start = time.monotonic()
    session.release()
    session.release()
    assert time.monotonic() - start < 0.5
    assert session._generator is not None, "it is still used"
    end()
    assert session._generator is None
    session.sample(str(model), "cpu", "LGG", [4])
    assert len(loads) == 1
    assert session._generator is not None, "asked for once, given back once"


def test_a_run_that_waits_can_be_cancelled(running, model):
    session, _ = running
    told = []

    def stop(progress):
        told.append(progress.message)
        raise Cancelled

    with pytest.raises(Cancelled):
        session.sample(str(model), "cpu", "LGG", [4], on_progress=stop)
    assert told == ["waiting for another run"]


def test_a_run_that_is_cancelled_before_it_begins_loads_nothing(model, loads):
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        GeneratorSession().sample(str(model), "cpu", "LGG", [4], on_progress=stop)
    assert loads == []


def test_releases_and_runs_at_the_same_time_never_block_or_leak(model):
    session = GeneratorSession()

    def run(seed):
        for number in range(4):
            session.sample(str(model), "cpu", "LGG", [seed + number])

    runs = [threading.Thread(target=run, args=(seed,)) for seed in (0, 10, 20)]
    for one in runs:
        one.start()
    while any(one.is_alive() for one in runs):
        session.release()
        time.sleep(0.003)
    for one in runs:
        one.join(20)
    assert session._generator is None or not session._release_asked
    session.release()
    assert session._generator is None
    assert not session._lock.locked()


def test_a_cancelled_run_leaves_no_weights_behind_when_it_lets_go(model, monkeypatch):
    session = GeneratorSession()
    session.sample(str(model), "cpu", "LGG", [1])
    weights = [weakref.ref(one) for one in session._generator.transformer.parameters()]
    left, forget = [], GeneratorSession._forget

    def counted(self):
        forget(self)
        left.append(sum(one() is not None for one in weights))

    def stop(progress):
        if progress.step:
            session.release()
            raise Cancelled

    monkeypatch.setattr(GeneratorSession, "_forget", counted)
    with pytest.raises(Cancelled):
        session.sample(str(model), "cpu", "LGG", [3], on_progress=stop)
    assert left == [0], "a GPU gives back only what nobody holds"


def test_the_memory_cap_is_asked_before_every_use(tmp_path, monkeypatch):
    path = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    add_to_catalogue(path, {"name": "tiny", "description": "d", "licence": "CC0",
                            "training_data": "noise"})  # fmt: skip
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))
    cap = [0.0]
    session = GeneratorSession(lambda: cap[0])
    sample = session.sample("tiny", "cpu", "LGG", [3])[0]
    cap[0] = 1e-6
    for use in (
        lambda: session.sample("tiny", "cpu", "LGG", [3]),
        lambda: session.repeat("tiny", "cpu", sample.provenance),
        lambda: session.importance("tiny", "cpu", sample.roi),
        lambda: session.importance(None, "cpu", sample),
    ):
        with pytest.raises(MemoryLimitError, match="memory cap"):
            use()
    cap[0] = 0.0
    session.repeat("tiny", "cpu", sample.provenance)


def test_a_model_file_that_has_gone_is_a_sentence(tmp_path, monkeypatch):
    path = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    add_to_catalogue(path, {"name": "tiny", "description": "d", "licence": "CC0",
                            "training_data": "noise"})  # fmt: skip
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))
    session = GeneratorSession()
    for _ in range(2):  # before and after it was loaded
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(CheckpointError, match=r"tiny\.safetensors cannot be read.*Put it back"):
            session.sample("tiny", "cpu", "LGG", [3])
        path.write_bytes(content)
        session.sample("tiny", "cpu", "LGG", [3])


def test_the_model_that_made_a_sample_looks_at_it(tmp_path, monkeypatch):
    """It is found by its hash, whatever it is called here."""
    names = {"own": 0, "another": 1}
    for name, seed in names.items():
        path = write_tiny(tmp_path / f"{name}.safetensors", tiny_settings(), seed=seed)
        add_to_catalogue(path, {"name": name, "description": "d", "licence": "CC0",
                                "training_data": "noise"})  # fmt: skip
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))
    session = GeneratorSession()
    sample = session.sample("own", "cpu", "LGG", [3])[0]
    assert sample.provenance.model_name == "tiny"
    expected = session.importance("own", "cpu", sample.roi)
    np.testing.assert_array_equal(session.importance("another", "cpu", sample), expected)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(session.importance("another", "cpu", sample.roi), expected)


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
        patch.setattr(type(session._generator.decoder), "forward", lost)
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
