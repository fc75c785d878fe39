"""A loss that is not finite is named, its step is skipped, and nothing has changed after it."""

import copy

import pytest
import torch
from lightning_fabric import Fabric

from napari_tumor_synth.training.non_finite import NotFinite, require_finite
from napari_tumor_synth.training.vqgan import losses as vqgan_losses
from tiny_stages import autoencoder, transformer

CPU = torch.device("cpu")


@pytest.fixture
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def everything_of(part):
    return {name: value for name, value in copy.deepcopy(part.state()).items() if name != "usage"}


def assert_same(one, other, where=""):
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one.keys() - {"lr"}:  # set anew in every step
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    else:
        assert one == other, where


def test_all_that_is_wrong_is_named():
    terms = {"l1": torch.tensor(1.0), "gradient": torch.tensor(torch.nan)}
    with pytest.raises(NotFinite, match=r"^the loss gradient is nan$"):
        require_finite(terms, CPU)
    with pytest.raises(NotFinite, match=r"^the loss l1 is inf and the loss gradient is nan$"):
        require_finite({**terms, "l1": torch.tensor(torch.inf), "loss": terms["gradient"]}, CPU)
    with pytest.raises(NotFinite, match=r"^the total loss is -inf$"):
        require_finite({"l1": terms["l1"], "loss": torch.tensor(-torch.inf)}, CPU)
    require_finite({"l1": torch.tensor(1.0)}, CPU)


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("micro_batch", [None, 1])
def test_a_bad_loss_leaves_the_autoencoder_as_it_was(
    norm, micro_batch, fabric, tmp_path, monkeypatch
):
    changes = {
        "autoencoder.norm": norm,
        "discriminator.norm": norm,
        "autoencoder_training.ema_decay": 0.9,
    }
    stage = autoencoder(tmp_path, fabric, micro_batch, changes)
    assert not stage.step(0).skipped
    before = everything_of(stage)
    monkeypatch.setattr(vqgan_losses, "gradient_loss", lambda fake, real: fake.mean() * torch.nan)
    outcome = stage.step(1)
    assert outcome.skipped == "the loss gradient is nan"
    assert outcome.figures == {}
    assert_same(everything_of(stage), before)
    monkeypatch.undo()
    assert not stage.step(2).skipped


def test_a_gradient_that_overflows_leaves_the_autoencoder_as_it_was(fabric, tmp_path, monkeypatch):
    stage = autoencoder(tmp_path, fabric)
    stage.step(0)
    before = everything_of(stage)

    def steep(fake, real):
        return (fake * 0).sqrt().sum()  # 0, with a slope that is not finite

    monkeypatch.setattr(vqgan_losses, "gradient_loss", steep)
    assert stage.step(1).skipped == "the gradient is not finite"
    assert_same(everything_of(stage), before)


def test_a_critic_that_overflows_is_left_as_it_was(fabric, tmp_path, monkeypatch):
    stage = autoencoder(tmp_path, fabric)
    stage.step(0)
    before = everything_of(stage.critic)
    monkeypatch.setattr(
        "napari_tumor_synth.training.vqgan.critic.hinge_discriminator_loss",
        lambda real, fake, scale: real.mean() * torch.inf,
    )
    outcome = stage.step(1)
    assert outcome.skipped == ""
    assert "the loss critic is" in outcome.remark
    assert outcome.figures["critic skipped"] == 1
    assert outcome.figures["l1"] > 0  # the autoencoder itself has learnt
    assert_same(everything_of(stage.critic), before)


def test_a_bad_loss_leaves_the_transformer_as_it_was(fabric, tmp_path, monkeypatch):
    stage = transformer(tmp_path, fabric, 1)
    stage.step(0)
    before = everything_of(stage)
    losses = stage._losses
    monkeypatch.setattr(stage, "_losses", lambda *given: losses(*given) * torch.nan)
    assert stage.step(1).skipped == "the loss cross-entropy is nan"
    assert_same(everything_of(stage), before)
