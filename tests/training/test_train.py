import csv
from contextlib import suppress

import pytest
import torch
from torch._subclasses import FakeTensor

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.train import train_generator
from napari_tumor_synth.training.vqgan.module import AutoencoderModule

CPU = MachineSettings(device="cpu")
_SUMS = ("l1", "gradient", "loss")


@pytest.fixture(scope="module")
def whole_run(tiny_cache, tiny_recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "whole"
    outcome = train_generator(tiny_recipe, tiny_cache, out, machine=CPU, review_steps=10)
    assert outcome.finished
    return outcome


def _curves(run):
    with (run / "curves.csv").open() as stream:
        return list(csv.DictReader(stream))


def _tensors(path):
    from safetensors.torch import load_file

    return load_file(path)


def _assert_same_weights(first, second):
    one, other = _tensors(first), _tensors(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_makes_a_checkpoint_that_generates(whole_run):
    generator = load_generator(whole_run.checkpoint, torch.device("cpu"))
    assert generator.classes == ("HGG", "LGG")
    sample = generator.sample("LGG", [1])[0]
    assert sample.roi.image.shape == (1, 16, 16, 16)


def test_codebooks_begin_when_the_recipe_says(tiny_cache, tiny_recipe, tmp_path, monkeypatch):
    seen = []
    forward = AutoencoderModule.forward

    def spy(self, x, quantised=True):
        output = forward(self, x, quantised)
        if isinstance(x, FakeTensor):  # finding out how much memory is needed
            return output
        updates = self.vqgan.quantiser.updates.item()
        seen.append((quantised, updates, float(output.commitment.detach())))
        return output

    monkeypatch.setattr(AutoencoderModule, "forward", spy)

    def stop(progress):
        if len(seen) == 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_generator(tiny_recipe, tiny_cache, tmp_path / "r", machine=CPU, on_progress=stop)
    steps = 20 + 2 * 5  # of the first stage: 20 patches, then two epochs of 13 ROIs in threes
    late = [index >= 0.1 * steps for index in range(6)]
    assert [quantised for quantised, *_ in seen] == late
    assert [updates for _, updates, _ in seen] == [0, 0, 0, 0, 1, 2]
    assert all((commitment > 0) == quantised for quantised, _, commitment in seen)


def test_a_run_learns(whole_run):
    rows = _curves(whole_run.run)
    curve = {
        stage: [float(r["value"]) for r in rows if (r["stage"], r["name"]) == (stage, name)]
        for stage, name in (("autoencoder", "l1"), ("transformer", "loss"))
    }
    assert curve["autoencoder"][-1] < 0.8 * curve["autoencoder"][0]
    assert curve["transformer"][-1] < 0.9 * curve["transformer"][0]
    named = {r["name"] for r in rows}
    assert {"critic", "adversarial", "feature_matching", "classification", "usage 2"} <= named
    assert list((whole_run.run / "sheets").glob("autoencoder-*.png"))


@pytest.mark.parametrize(
    "stop_at",
    [
        pytest.param(3, marks=pytest.mark.slow, id="first phase"),
        pytest.param(24, id="second phase"),
        pytest.param(33, marks=pytest.mark.slow, id="while encoding"),
        pytest.param(60, id="transformer"),
    ],
)
def test_a_cancelled_run_goes_on_bit_for_bit(whole_run, tiny_cache, tiny_recipe, tmp_path, stop_at):
    calls = 0

    def stop(progress):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_generator(tiny_recipe, tiny_cache, tmp_path / "r", machine=CPU, on_progress=stop)
    outcome = train_generator(tiny_recipe, tiny_cache, tmp_path / "r", machine=CPU, resume=True)
    assert outcome.finished
    _assert_same_weights(outcome.checkpoint, whole_run.checkpoint)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_resumed_run_agrees_to_1_percent_on_a_gpu(tiny_cache, tiny_recipe, tmp_path):
    calls = 0

    def stop(progress):
        nonlocal calls
        calls += 1
        if calls == 24:
            raise Cancelled

    gpu = MachineSettings(device="cuda")
    for name in ("whole", "resumed"):
        listen = {"on_progress": stop} if name == "resumed" else {}
        with suppress(Cancelled):
            train_generator(tiny_recipe, tiny_cache, tmp_path / name, machine=gpu, **listen)
    train_generator(tiny_recipe, tiny_cache, tmp_path / "resumed", machine=gpu, resume=True)
    whole, resumed = (
        [row for row in _curves(tmp_path / name) if row["name"] in _SUMS]
        for name in ("whole", "resumed")
    )
    assert [(r["step"], r["name"]) for r in resumed] == [(r["step"], r["name"]) for r in whole]
    values = ([float(row["value"]) for row in rows] for rows in (resumed, whole))
    assert next(values) == pytest.approx(next(values), rel=0.01)


def test_a_finished_run_keeps_nothing_of_the_machine(whole_run, tmp_path_factory):
    base = str(tmp_path_factory.getbasetemp())
    for path in whole_run.run.rglob("*.json"):
        assert (base in path.read_text()) == (path.name == "place.json")
    assert base.encode() not in whole_run.checkpoint.read_bytes()


def test_time_limit_leaves_a_run_to_resume(tiny_cache, tiny_recipe, tmp_path):
    outcome = train_generator(tiny_recipe, tiny_cache, tmp_path / "r", machine=CPU, max_minutes=0)
    assert not outcome.finished
    assert outcome.checkpoint is None
    assert RunFolder(tmp_path / "r").latest_state("autoencoder")[0] == 1


def test_the_cache_must_fit_the_recipe(tiny_cache, tmp_path):
    with pytest.raises(TrainingError, match="needs size"):
        train_generator("phantom-flair-64", tiny_cache, tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("name = 3\n", "name"),
        ("[autoencoder]\nlevels = 2\ncodes = 1", "codes"),
        ("surprise = true\n", "surprise"),
        ("name = [", "not TOML"),
        ("conditional = true\n", "conditional"),
        ("[autoencoder]\ncodes = 64\n", r"transformer\.codes"),
        ("[token_training]\nmasking = 'hybrid'\n", "importance"),
        ("[autoencoder_training]\nphases = [{ batch = 3 }]\n", "epochs or steps"),
    ],
)
def test_wrong_recipes_name_the_setting(tmp_path, change, message):
    path = tmp_path / "wrong.toml"
    path.write_text(change if change.startswith("name") else 'name = "x"\n' + change)
    if not change.startswith("name") and "[transformer]" not in change:
        path.write_text(path.read_text() + "\n[transformer]\n")
    with pytest.raises(TrainingError, match=message):
        load_recipe(path)


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(TrainingError, match="vqgan-lat8"):
        load_recipe("vqgan-lat16")


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_are_valid(name):
    assert load_recipe(name).name == name


def test_the_papers_numbers_stand_in_their_recipes():
    lat8, conditional = load_recipe("vqgan-lat8"), load_recipe("vqgan-cond")
    assert lat8.autoencoder.codes == 512
    assert lat8.autoencoder.commitment == 0.25
    assert lat8.autoencoder_training.learning_rate == 1e-4
    assert lat8.autoencoder_training.phases[0].epochs == 4000
    assert lat8.token_training.phases[0].epochs == 1500
    assert lat8.token_training.learning_rate == 4.5e-6
    assert lat8.token_training.mask_ratio == 0.5
    losses = lat8.autoencoder_training.losses
    assert (losses.l1, losses.perceptual, losses.feature_matching) == (4, 1, 4)
    assert (losses.gradient, losses.codebook) == (4, 1)
    assert conditional.autoencoder.codes == 1024
    assert conditional.autoencoder.commitment == 1
    assert conditional.autoencoder_training.perceptual.slices == 6
    assert conditional.autoencoder_training.losses.reconstruction == 0.8
    assert conditional.autoencoder_training.losses.classification == 0.2
    assert conditional.token_training.top_k == 0.25
    assert (conditional.transformer.layers, conditional.transformer.width) == (24, 1024)
    assert load_recipe("vqgan-lat8-paediatric").token_training.mask_ratio == 0.15


def test_patches_too_small_for_bfloat16_are_refused(tiny_cache, tiny_recipe, tmp_path):
    path = tmp_path / "bf16.toml"
    path.write_text('precision = "bf16-mixed"\n' + tiny_recipe.read_text())
    with pytest.raises(TrainingError, match="at least 12 voxels"):
        train_generator(path, tiny_cache, tmp_path / "r", machine=CPU)
    assert not (tmp_path / "r").exists()
