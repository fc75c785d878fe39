"""Every recipe of the package trains both stages for some steps, made tiny, and draws an ROI."""

import pytest
import torch

from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import ablation_names, load_recipe, recipe_names
from napari_tumor_synth.training.train import train_generator
from tiny_cohort import write_blobs

AT_ONCE = ("vqgan-lat8-released", "vqgan-cond-released", "vqgan-cond-parallel-small")


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """ROIs of 16^3 voxels: of both classes, and of one."""
    root = tmp_path_factory.mktemp("blobs")
    write_blobs(root / "cases", 5)
    settings = RoiSettings(size=(16, 16, 16), spacing_mm=1.0)
    prepare_cohort(root / "cases", root / "both", settings, workers=1)
    prepare_cohort(root / "cases" / "LGG", root / "one", settings, workers=1)
    return {True: root / "both", False: root / "one"}


def tiny(name):
    """Return the recipe with small networks and few steps; whatever it switches stays."""
    recipe = load_recipe(name)
    stages, halvings = len(recipe.autoencoder.widths), 3 if "lat4" in name else 2
    length = (16 >> halvings) ** 3
    phases = [{"batch": 2, "steps": 2}]
    changes = {
        "size": [16, 16, 16],
        "spacing_mm": 1.0,
        "precision": "32-true",
        "autoencoder.widths": [8] * stages,
        "autoencoder.strides": [2] * halvings + [1] * (stages - halvings),
        "autoencoder.decoder_widths": None,
        "autoencoder.decoder_residual_blocks": None,
        "autoencoder.embedding": 8,
        "autoencoder.codes": 16,
        "transformer.layers": 1,
        "transformer.heads": 2,
        "transformer.width": 16,
        "transformer.length": length,
        "transformer.grid": [16 >> halvings] * 3,
        "autoencoder_training.phases": phases,
        "autoencoder_training.adversarial.start": 0.0,
        "token_training.phases": phases,
    }
    if recipe.discriminator is not None:
        changes["discriminator.widths"] = [8]
    if recipe.importance is not None:
        changes["importance.classifier_hidden"] = 16
    if recipe.decoder_training is not None:
        changes["decoder_training.phases"] = phases
    return override(recipe, changes)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in AT_ONCE else pytest.mark.slow)
        for name in [*recipe_names(), *ablation_names()]
    ],
)
def test_a_recipe_trains_and_draws(name, caches, tmp_path):
    recipe = tiny(name)
    outcome = train_generator(
        recipe, caches[recipe.conditional], tmp_path / "run", machine=MachineSettings(device="cpu")
    )
    assert outcome.finished
    curves = (outcome.run / "curves.csv").read_text()
    assert "skipped" not in curves
    assert "nan" not in curves
    wanted = ["l1", "codebook", "adversarial", "feature_matching", "critic", "perceptual"]
    if not recipe.autoencoder_training.losses.perceptual:
        wanted.remove("perceptual")
    if recipe.autoencoder_training.losses.gradient:
        wanted.append("gradient")
    assert all(f",{term}," in curves for term in wanted), curves
    generator = load_generator(outcome.checkpoint, torch.device("cpu"))
    roi = generator.sample(generator.classes[0], [1])[0].roi
    assert roi.image.shape == (1, 16, 16, 16)
