"""The figures and the card of a model, for a tiny one with random weights."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.classifier_network import ClassifierSettings, build_network
from napari_tumor_synth.evaluation.diversity import measure_diversity
from napari_tumor_synth.evaluation.fidelity import psnr_db
from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.imaging.mask_rule import finish_generated, mask_of_generated
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs.environment import environment
from napari_tumor_synth.workflows.model_report import ReportSettings, report_on_model
from tiny_cohort import TINY_RECIPE
from tiny_vqgan import tiny_settings, write_tiny

SIZE = 48


class FewRois:
    """Four test and two training ROIs of two classes, as a cache would give them."""

    classes = ("HGG", "LGG")

    def __init__(self):
        rng = np.random.default_rng(0)
        grid = np.indices((SIZE, SIZE, SIZE)) - SIZE / 2
        self.rois = []
        for radius in (8, 10, 12, 14, 9, 11):
            inside = np.sqrt((grid**2).sum(0)) < radius
            noise = rng.uniform(-0.5, 1, inside.shape)
            self.rois.append(np.where(inside, noise, -1).astype(np.float32)[None])

    def indices(self, split):
        return {"train": [4, 5], "validation": [], "test": [0, 1, 2, 3]}[split]

    def class_index(self, index):
        return index % 2

    def load(self, index):
        return self.rois[index]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    settings = tiny_settings()
    shape = settings.autoencoder.model_copy(update={"strides": (2, 2, 2)})
    tokens = settings.transformer.model_copy(update={"length": 6**3})
    settings = settings.model_copy(
        update={"size": (SIZE,) * 3, "autoencoder": shape, "transformer": tokens}
    )
    path = write_tiny(folder / "tiny.safetensors", settings)
    generator = load_generator(path, torch.device("cpu"))
    choice = ClassifierSettings(widen=0.05)
    network = build_network(choice, 1, 2, torch.Generator().manual_seed(0)).eval()
    judge = RoiClassifier(network, FewRois.classes, (1, SIZE, SIZE, SIZE), choice, {})
    rois = FewRois()
    figures = report_on_model(generator, rois, judge, folder, ReportSettings(samples=2))
    return folder, path, generator, rois, figures


def test_figures_are_those_of_the_held_out_rois(measured):
    _, _, generator, rois, figures = measured
    found = []
    for index in rois.indices("test"):
        decoded = generator.reconstruct(rois.load(index))
        rebuilt = finish_generated(decoded, mask_of_generated(decoded))
        found.append(psnr_db(rebuilt, rois.load(index)))
    assert figures["reconstruction"]["psnr_db"]["mean"] == pytest.approx(np.mean(found))
    assert figures["rois"] == {"test": 4, "generated": 4}
    # radii 8, 12, 9 of one class against 10, 14, 11: larger in two of nine pairs
    assert figures["volume_auc"] == pytest.approx(2 / 9)
    hgg = [rois.load(0), rois.load(2)]
    assert figures["ms_ssim"]["HGG"]["real"]["ms_ssim"] == pytest.approx(
        measure_diversity(hgg, 1).ms_ssim
    )
    voxels = [np.count_nonzero(image > -1) for image in hgg]
    assert figures["tumour_ml"]["real"]["HGG"]["median"] == pytest.approx(
        np.median(voxels) * generator.spacing_mm**3 / 1000
    )


def test_code_usage_tells_training_from_held_out_rois(measured):
    _, _, generator, rois, figures = measured
    for split in ("train", "test"):
        codes = []
        for index in rois.indices(split):
            image = torch.from_numpy(rois.load(index))[None]
            with torch.inference_mode():
                latent = generator.autoencoder.encode(image)
                codes.append(generator.autoencoder.quantise(latent).codes[0, 0].flatten())
        used = torch.cat(codes).unique().numel() / generator.settings.autoencoder.codes
        assert figures["codebook"][split]["usage"][0] == pytest.approx(used)


def test_pictures_are_drawn(measured):
    folder = measured[0]
    assert (folder / "samples.png").stat().st_size > 1000
    assert (folder / "reconstructions.png").stat().st_size > 1000


def _card_writer():
    path = Path(__file__).parents[2] / "scripts" / "write_model_card.py"
    spec = importlib.util.spec_from_file_location("write_model_card", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def described(measured, tmp_path):
    _, path, _, _, figures = measured
    content = read_checkpoint(path)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_RECIPE)
    provenance = {
        "licence": "BSD-3-Clause",
        "recipe": load_recipe(recipe).recorded(),
        "data": "0123",
        "rois": {"train": 2, "validation": 1, "test": 4},
        "environment": environment(),
        "metrics": figures,
    }
    return Checkpoint(content.family, content.settings, provenance, content.tensors, "ab" * 32)


def test_the_card_holds_the_figures_and_the_reasons_for_what_is_missed(
    described, tmp_path, monkeypatch
):
    writer = _card_writer()
    reasons = tmp_path / "reasons.toml"
    text = "random weights"
    reasons.write_text(f'[tiny]\nusage = "{text}"\nagreement = "{text}"\nms_ssim = "{text}"\n')
    monkeypatch.setattr(writer, "REASONS", reasons)
    card = writer.render(described, 0.1)
    figures = described.provenance["metrics"]
    assert f"{figures['reconstruction']['psnr_db']['mean']:.2f} ±" in card
    assert text in card
    assert "trained on 8^3, then whole ROIs" in card
    assert "no perceptual term" in card
    assert "{" not in card


def test_no_card_is_written_while_a_miss_has_no_reason(described, tmp_path, monkeypatch):
    writer = _card_writer()
    monkeypatch.setattr(writer, "REASONS", tmp_path / "none.toml")
    with pytest.raises(SystemExit, match="why these aims are missed"):
        writer.render(described, 0.1)


def test_the_committed_card_is_that_of_the_bundled_model():
    writer = _card_writer()
    committed = writer.DOCS / "models" / "phantom-flair-64.md"
    assert committed.read_text("utf-8") == writer.card_of("phantom-flair-64")


def test_figures_on_real_rois_are_those_of_the_bundled_model():
    (model,) = (model for model in list_models() if model.entry.name == "phantom-flair-64")
    folder = _card_writer().DOCS / "models"
    measured = json.loads((folder / "phantom-flair-64.real.json").read_text("utf-8"))
    assert measured["sha256"] == model.entry.sha256
    assert measured["all"]["cases"] == sum(row["cases"] for row in measured["classes"].values())
