"""Each switch of a recipe reaches the step that it is about."""

import pytest
import torch
from lightning_fabric import Fabric

from napari_tumor_synth.training.vqgan import losses as vqgan_losses
from tiny_stages import autoencoder, transformer

STAGE = "autoencoder_training."
LATE = {STAGE + "adversarial.start": 0.5}


def first_step(folder, changes):
    stage = autoencoder(folder, Fabric(accelerator="cpu", devices=1), changes=changes)
    outcome = stage.step(0)
    assert not outcome.skipped
    return outcome.figures, stage


@pytest.mark.parametrize(
    ("switch", "value", "figure"),
    [
        ("adversarial.critic_scale", 0.5, "critic"),
        ("label_smoothing", 0.1, "classification"),
        ("perceptual.planes", "axial", "perceptual"),
        ("perceptual.depths", (0.1, 0.2), "perceptual"),
    ],
)
def test_a_switch_changes_its_own_figure_alone(switch, value, figure, tmp_path):
    before, _ = first_step(tmp_path, {})
    after, _ = first_step(tmp_path, {STAGE + switch: value})
    changed = {name for name in before if before[name] != after[name]}
    assert figure in changed
    assert changed <= {figure, "loss", "critic", "critic real", "critic fake"}


def test_the_adaptive_weight_is_that_of_the_gradients(tmp_path, monkeypatch):
    seen = []

    def weight(l1, adversarial, last_layer, scale):
        assert last_layer.shape[0] == 1  # the decoder's last convolution makes one sequence
        assert scale == 1.0
        seen.append((l1.item(), adversarial.item()))
        return torch.tensor(0.25)

    before, _ = first_step(tmp_path, {})
    monkeypatch.setattr(vqgan_losses, "adaptive_weight", weight)
    after, _ = first_step(tmp_path, {STAGE + "adversarial.weighting": "adaptive"})
    assert seen == [(pytest.approx(before["l1"]), pytest.approx(before["adversarial"]))]
    assert after["adversarial"] == pytest.approx(before["adversarial"] / 4)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_adaptive_weight_can_be_taken_in_any_precision(precision, tmp_path):
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    changes = {STAGE + "adversarial.weighting": "adaptive", STAGE + "losses.l1": 1e-6}
    stage = autoencoder(tmp_path, fabric, micro_batch=1, changes=changes)
    outcome = stage.step(0)
    assert not outcome.skipped
    assert abs(outcome.figures["adversarial"]) > 0


def test_half_the_hinge_is_half_the_loss_of_the_critic(tmp_path):
    before, _ = first_step(tmp_path, {})
    after, _ = first_step(tmp_path, {STAGE + "adversarial.critic_scale": 0.5})
    assert after["critic"] == pytest.approx(before["critic"] / 2)


def test_features_match_from_the_start_or_with_the_critic(tmp_path):
    assert "feature_matching" not in first_step(tmp_path, LATE)[0]
    early = {**LATE, STAGE + "adversarial.feature_matching": "from-start"}
    figures, _ = first_step(tmp_path, early)
    assert figures["feature_matching"] > 0
    assert not {"adversarial", "critic"} & figures.keys()


def test_clipping_by_value_cuts_each_element(tmp_path):
    limit = {STAGE + "clip_norm": 1e-3, STAGE + "clip_value": 1e-3}
    _, by_norm = first_step(tmp_path, limit)
    _, by_value = first_step(tmp_path, {**limit, STAGE + "clipping": "value"})

    def gradients(stage):
        return torch.cat([p.grad.flatten() for p in stage.bare.parameters() if p.grad is not None])

    assert gradients(by_norm).norm().item() == pytest.approx(1e-3, rel=1e-3)
    assert gradients(by_value).abs().max().item() == pytest.approx(1e-3)
    assert gradients(by_value).norm() > 2e-3


@pytest.mark.parametrize(
    ("switch", "value"),
    [("loss_on", "all"), ("mask_selection", "released"), ("sided", "double"), ("top_k", 0.5)],
)
def test_switches_of_the_second_stage(switch, value, tmp_path):
    fabric = Fabric(accelerator="cpu", devices=1)
    losses = [
        transformer(tmp_path, fabric, changes=changes).step(0).figures["loss"]
        for changes in ({}, {}, {f"token_training.{switch}": value})
    ]
    assert losses[0] == losses[1] != losses[2]


def test_what_begins_a_sequence_without_classes(tmp_path):
    unconditional = {"conditional": False, "transformer.classes": 0, "importance": None,
                     STAGE + "losses.classification": 0.0,
                     "token_training.masking": "random-codes"}  # fmt: skip
    fabric = Fabric(accelerator="cpu", devices=1)
    starts = []
    for start in ("random", "zero"):
        changes = {**unconditional, "token_training.start_token": start}
        stage = transformer(tmp_path, fabric, changes=changes)
        rows, random = torch.arange(8), torch.Generator().manual_seed(0)
        starts.append(stage.lessons.corrupted(stage.training, rows, random).start)
    assert len(starts[0].unique()) > 3
    assert not starts[1].any()
