import csv

import pytest
import torch
from pydantic import ValidationError

from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.train import train_generator
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe

CPU = MachineSettings(device="cpu")

STAGE = """
[decoder_training]
learning_rate = 1e-3
phases = [{ batch = 3, steps = 12 }]

[decoder_training.losses]
perceptual = 0.0
"""


@pytest.fixture(scope="module")
def longer_recipe(tiny_recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "longer.toml"
    path.write_text(tiny_recipe.read_text("utf-8") + STAGE, "utf-8")
    return path


@pytest.fixture(scope="module")
def both(tiny_cache, tiny_recipe, longer_recipe, tmp_path_factory):
    """Return the generators of the same recipe without and with the stage, and the second run."""
    root = tmp_path_factory.mktemp("runs")
    runs = [
        train_generator(recipe, tiny_cache, root / name, machine=CPU, review_steps=100)
        for name, recipe in (("short", tiny_recipe), ("long", longer_recipe))
    ]
    cpu = torch.device("cpu")
    return (*(load_generator(run.checkpoint, cpu) for run in runs), runs[1])


def _same(first, second):
    one, other = first.state_dict(), second.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_only_the_decoder_changes(both):
    short, long, _ = both
    assert _same(short.autoencoder.encoder, long.autoencoder.encoder)
    assert _same(short.autoencoder.before, long.autoencoder.before)
    assert _same(short.autoencoder.quantiser, long.autoencoder.quantiser)
    assert _same(short.importance_network, long.importance_network)
    assert not _same(short.autoencoder.decoder, long.autoencoder.decoder)


def test_tokens_and_with_them_the_transformer_do_not_depend_on_it(both):
    short, long, _ = both
    assert _same(short.transformer, long.transformer)


def test_the_stage_has_its_curve_and_its_pictures(both):
    with (both[2].run / "curves.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["stage"] == "decoder"]
    assert {"l1", "validation foreground psnr"} <= {row["name"] for row in rows}
    assert list((both[2].run / "sheets").glob("decoder-*.png"))


def test_a_run_cancelled_in_the_stage_goes_on_bit_for_bit(
    both, tiny_cache, longer_recipe, tmp_path
):
    def stop(progress):
        if progress.message.startswith("decoder") and progress.step == 5:
            raise Cancelled

    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        train_generator(longer_recipe, tiny_cache, out, machine=CPU, on_progress=stop)
    again = train_generator(longer_recipe, tiny_cache, out, machine=CPU, resume=True)
    resumed = load_generator(again.checkpoint, torch.device("cpu"))
    assert _same(resumed.autoencoder, both[1].autoencoder)
    assert _same(resumed.transformer, both[1].transformer)


@pytest.mark.parametrize(
    "wrong", [{"quantiser_start": 0.1}, {"losses": {"classification": 0.2, "perceptual": 0.0}}]
)
def test_what_the_stage_cannot_train_is_refused(longer_recipe, wrong):
    content = load_recipe(longer_recipe).model_dump()
    content["decoder_training"] |= wrong
    with pytest.raises(ValidationError, match="only the decoder learns"):
        VqganRecipe.model_validate(content)
