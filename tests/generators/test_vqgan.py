import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_tumor_synth.errors import (
    CheckpointError,
    InputError,
    MemoryLimitError,
    UnknownClassError,
)
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.generators.provenance import DecodingSettings, read_provenance
from napari_tumor_synth.generators.synthetic import write_synthetic
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.progress import Cancelled
from tiny_vqgan import tiny_settings, write_tiny


def test_a_sample_depends_on_its_own_seed_only(generator):
    together = generator.sample("LGG", range(7, 18))
    for sample in (together[0], together[4], together[10]):
        alone = generator.sample("LGG", [sample.provenance.seed])[0]
        assert alone.provenance.tokens == sample.provenance.tokens
        assert np.array_equal(alone.roi.image, sample.roi.image)


def test_seeds_and_classes_make_a_difference(generator):
    tokens = {
        (name, sample.provenance.seed): sample.provenance.tokens
        for name in generator.classes
        for sample in generator.sample(name, [1, 2])
    }
    assert tokens["HGG", 1] != tokens["HGG", 2]
    if generator.settings.conditional:
        assert tokens["HGG", 1] != tokens["LGG", 1]


def test_tokens_alone_give_the_image_back(generator):
    sample = generator.sample("HGG", [3])[0]
    tokens = torch.tensor(sample.provenance.tokens)[None]
    image = generator.decode_tokens(tokens)[0]
    inside = sample.roi.mask
    assert np.array_equal(image[:, inside].clip(-0.9, 1), sample.roi.image[:, inside])


def test_the_roi_is_finished(generator):
    roi = generator.sample("HGG", [3])[0].roi
    assert roi.image.shape == (1, 16, 16, 16)
    assert (roi.image[:, ~roi.mask] == -1).all()
    assert roi.mask.any()
    assert roi.image[:, roi.mask].min() >= np.float32(-0.9)
    assert roi.spacing == (4.0, 4.0, 4.0)


def test_greedy_decoding_ignores_the_seed(causal_generator):
    greedy = DecodingSettings(top_k=1)
    first, second = causal_generator.sample("LGG", [1, 2], greedy)
    assert first.provenance.tokens == second.provenance.tokens


def test_unknown_class_lists_the_classes(generator):
    with pytest.raises(UnknownClassError, match="HGG, LGG"):
        generator.sample("GBM", [0])


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range(generator, seed):
    with pytest.raises(InputError, match="out of range"):
        generator.sample("LGG", [0, seed])


def test_the_wrong_way_of_decoding_names_the_right_one(causal_generator):
    with pytest.raises(InputError, match="--decode autoregressive"):
        causal_generator.sample("LGG", [0], DecodingSettings(decode="parallel"))


def test_progress_reaches_its_total_and_can_cancel(generator):
    seen = []
    generator.sample("LGG", range(10), on_progress=seen.append)
    steps = [progress.step for progress in seen]
    assert steps == sorted(steps)
    assert seen[-1].step == seen[-1].total

    def cancel(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        generator.sample("LGG", [0], on_progress=cancel)


def test_files_repeat_and_carry_no_place(causal_generator, tmp_path):
    sample = causal_generator.sample("LGG", [7])[0]
    files = write_synthetic(sample, tmp_path / "out")
    record = read_provenance(files.provenance)
    again = causal_generator.sample(record.class_name, [record.seed], record.decoding)[0]
    assert again.provenance.tokens == record.tokens
    text = files.provenance.read_text()
    assert str(tmp_path) not in text
    assert record.notice == "SYNTHETIC, not for clinical use"
    assert set(record.files) == {"flair", "mask"}


def test_importance_lies_between_0_and_1_on_the_grid(causal_generator):
    roi = causal_generator.sample("LGG", [7])[0].roi
    scores = causal_generator.importance(roi.image)
    assert scores.shape == (16, 16, 16)
    assert 0 < scores.min() < scores.max() < 1


def test_a_model_without_importance_says_so(tmp_path):
    path = write_tiny(tmp_path / "t.safetensors", tiny_settings(importance=False))
    generator = load_generator(path, torch.device("cpu"))
    with pytest.raises(InputError, match="without importance"):
        generator.importance(np.full((1, 16, 16, 16), -1, np.float32))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = write_tiny(tmp_path / "t.safetensors", tiny_settings())
    content = read_checkpoint(path)
    name = next(iter(content.tensors))
    assert content.tensors[name].shape
    with pytest.raises(KeyError):
        content.tensors["nobody"]
    write_tiny(path, tiny_settings(levels=1), seed=1)
    with pytest.raises(CheckpointError, match="changed while it was in use"):
        content.tensors[name]
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        content.tensors[name]


def test_weights_that_do_not_fit_the_settings(tmp_path):
    path = write_tiny(tmp_path / "t.safetensors", tiny_settings())
    content = read_checkpoint(path)
    whole = dict(content.tensors)
    tensors = {name: t for name, t in whole.items() if "head" not in name}
    write_checkpoint(Checkpoint("vqgan", content.settings, {}, tensors), path)
    with pytest.raises(CheckpointError, match="does not fit its own settings"):
        load_generator(path, torch.device("cpu"))
    changed = {**content.settings, "surprise": 1}
    write_checkpoint(Checkpoint("vqgan", changed, {}, whole), path)
    with pytest.raises(CheckpointError, match="does not fit its own settings"):
        load_generator(path, torch.device("cpu"))


def test_an_unknown_family_asks_for_an_update(tmp_path):
    path = tmp_path / "t.safetensors"
    write_checkpoint(Checkpoint("diffusion", {}, {}, {"a": torch.zeros(1)}), path)
    with pytest.raises(CheckpointError, match="Update"):
        load_generator(path, torch.device("cpu"))


@pytest.mark.parametrize("call", ["sample", "reconstruct", "importance"])
def test_want_of_memory_is_explained(causal_generator, monkeypatch, call):
    def fail(*arguments, **options):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(causal_generator.autoencoder, "encode", fail)
    monkeypatch.setattr(causal_generator.decoder, "forward", fail)
    image = np.full((1, 16, 16, 16), -1, np.float32)
    with pytest.raises(MemoryLimitError, match="--device cpu"):
        getattr(causal_generator, call)(*(("LGG", [1]) if call == "sample" else (image,)))


def test_a_record_of_any_size_is_no_danger(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(10**10)
    with pytest.raises(InputError, match="too large"):
        read_provenance(path)


def test_names_of_sequences_cannot_lead_out_of_the_folder():
    content = tiny_settings().model_dump()
    for name in ("../flair", "a/b", "", ".."):
        with pytest.raises(ValidationError, match="sequences"):
            VqganGeneratorSettings.model_validate({**content, "sequences": (name,)})
