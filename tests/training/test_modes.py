"""Every mode that recipes can choose trains, stops, goes on, and samples."""

import re

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.train import train_generator
from napari_tumor_synth.training.vqgan import token_lessons
from napari_tumor_synth.training.vqgan.masking import Corruption
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.tokens import TokenSet
from napari_tumor_synth.training.vqgan.transformer import TransformerStage
from tiny_cohort import TINY_RECIPE, write_blobs

CPU = MachineSettings(device="cpu")

SHORT = re.sub(r"(?m)^phases = .*$", "phases = [{ batch = 4, steps = 6 }]", TINY_RECIPE)
BIDIRECTIONAL = SHORT.replace("[transformer]", "[transformer]\ncausal = false").replace(
    '"hybrid"', '"cosine"'
)
MODES = {
    "bidirectional": BIDIRECTIONAL,
    "bfloat16": 'precision = "bf16-mixed"' + SHORT,
    "clean inputs": SHORT.replace('"hybrid"', '"none"'),
    "random codes": SHORT.replace('"hybrid"', '"random-codes"').replace("mirror = true", ""),
    "double-sided": SHORT.replace('"hybrid"', '"hybrid"\nsided = "double"\nloss_on = "all"'),
}
UNCONDITIONAL = (
    SHORT.replace("conditional = true", "")
    .replace("classes = 2", "")
    .replace("levels = 2", 'lookup = "cosine"', 1)
    .replace("levels = 2", "")
    .replace('"hybrid"', '"random-codes"')
    .replace("quantiser_start = 0.1", "")
)


def _recipe(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def _train_in_two_goes(recipe, cache, out, stop_at=4):
    def stop(progress):
        if progress.step == stop_at and progress.message.startswith("transformer"):
            raise Cancelled

    with pytest.raises(Cancelled):
        train_generator(recipe, cache, out, machine=CPU, on_progress=stop)
    return train_generator(recipe, cache, out, machine=CPU, resume=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_trains_resumes_exactly_and_samples(mode, tiny_cache, tmp_path):
    recipe = _recipe(tmp_path, MODES[mode])
    whole = train_generator(recipe, tiny_cache, tmp_path / "whole", machine=CPU)
    parted = _train_in_two_goes(recipe, tiny_cache, tmp_path / "parted")
    one, other = load_file(whole.checkpoint), load_file(parted.checkpoint)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    generator = load_generator(whole.checkpoint, torch.device("cpu"))
    roi = generator.sample("LGG", [3])[0].roi
    assert roi.image.shape == (1, 16, 16, 16)
    assert generator.default_decoding.decode == "auto"


def test_one_class_trains_without_conditions(tmp_path):
    write_blobs(tmp_path / "cases", 8)
    settings = RoiSettings(size=(16, 16, 16), spacing_mm=1.0)
    prepare_cohort(tmp_path / "cases" / "LGG", tmp_path / "cache", settings, workers=1)
    recipe = _recipe(tmp_path, UNCONDITIONAL)
    outcome = train_generator(recipe, tmp_path / "cache", tmp_path / "run", machine=CPU)
    generator = load_generator(outcome.checkpoint, torch.device("cpu"))
    assert len(generator.classes) == 1
    assert generator.sample(generator.classes[0], [0])[0].roi.image.shape == (1, 16, 16, 16)


def test_a_recipe_without_classes_refuses_several(tiny_cache, tmp_path):
    with pytest.raises(TrainingError, match="one class"):
        train_generator(_recipe(tmp_path, UNCONDITIONAL), tiny_cache, tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHORT.replace("perceptual = 0.0", "perceptual = 1.0"), "backbone"),
        (SHORT.replace("classification = 0.2", "classification = 0.0"), "learns nothing"),
        (UNCONDITIONAL.replace("[autoencoder_training]", "[autoencoder_training]\n"
                               "quantiser_start = 0.2"), "cosine"),
        (SHORT.replace("levels = 2", "levels = 2\nrevive_below = 0.0", 1), "revive_below"),
        ('family = "diffusion"' + SHORT, "unknown family"),
    ],
)  # fmt: skip
def test_terms_that_would_be_off_in_silence_are_refused(tmp_path, text, message):
    with pytest.raises(TrainingError, match=message):
        load_recipe(_recipe(tmp_path, text))


@pytest.mark.parametrize("counted", ["masked", "all"])
def test_the_loss_counts_the_positions_that_the_recipe_names(counted, tmp_path, monkeypatch):
    text = SHORT.replace('"hybrid"', f'"hybrid"\nloss_on = "{counted}"')
    recipe = load_recipe(_recipe(tmp_path, text.replace("dropout = 0.1", "")))
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(16, (2, 64, 2), generator=generator)
    rows = TokenSet(tokens, torch.full((2, 64), 0.5), torch.tensor([0, 1]))
    fabric = Fabric(accelerator="cpu", devices=1)
    nothing = AutoencoderModule(recipe, 2)
    stage = TransformerStage(recipe, rows, rows, fabric, nothing, ("HGG", "LGG"), tmp_path)
    masked = torch.zeros(2, 64, dtype=torch.bool)
    masked[0, 5] = masked[1, 60:] = True
    corruption = Corruption(mask_token=masked, random_code=torch.zeros_like(masked))
    monkeypatch.setattr(token_lessons, "chosen_corruption", lambda *_: corruption)
    monkeypatch.setattr(stage, "_rows", lambda *_: torch.arange(2))
    chances = stage.bare.logits(stage.bare(tokens, rows.classes, masked), tokens).log_softmax(-1)
    each = -chances.gather(-1, tokens[..., None])[..., 0]
    expected = each[masked].mean() if counted == "masked" else each.mean()
    assert stage.step(0).figures["loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_tokens_that_were_damaged_are_made_again(tiny_cache, tmp_path):
    recipe = _recipe(tmp_path, SHORT)
    whole = train_generator(recipe, tiny_cache, tmp_path / "whole", machine=CPU)

    def stop(progress):
        if progress.step == 2 and progress.message.startswith("transformer"):
            raise Cancelled

    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        train_generator(recipe, tiny_cache, out, machine=CPU, on_progress=stop)
    tokens = out / "tokens-train.safetensors"
    tokens.write_bytes(tokens.read_bytes()[:100])
    again = train_generator(recipe, tiny_cache, out, machine=CPU, resume=True)
    one, other = load_file(whole.checkpoint), load_file(again.checkpoint)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("content", ["", "{}", '{"autoencoder": 3}', '{"a": {"micro_batch": 0}}'])
def test_a_damaged_note_of_how_a_run_fits_is_a_sentence(content, tiny_cache, tmp_path):
    recipe, out = _recipe(tmp_path, SHORT), tmp_path / "run"
    assert not train_generator(recipe, tiny_cache, out, machine=CPU, max_minutes=0).finished
    (out / "fit.json").write_text(content)
    with pytest.raises(TrainingError, match=r"fit\.json"):
        train_generator(recipe, tiny_cache, out, machine=CPU, resume=True)
    (out / "fit.json").unlink()
    assert train_generator(recipe, tiny_cache, out, machine=CPU, resume=True).finished
