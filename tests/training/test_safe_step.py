import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import nn

from napari_tumor_synth.training.safe_step import RunningStatistics, take_step


@pytest.fixture
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def test_a_gradient_that_is_not_finite_moves_no_weight(fabric):
    module, optimiser = _linear(fabric)
    before = module.weight.detach().clone()
    module(torch.full((1, 2), torch.inf)).sum().backward()
    assert not take_step(fabric, module, optimiser, 1.0)
    assert torch.equal(module.weight, before)


def test_a_finite_gradient_is_clipped_and_taken(fabric):
    module, optimiser = _linear(fabric)
    before = module.weight.detach().clone()
    module(torch.tensor([[300.0, 400.0]])).sum().backward()
    assert take_step(fabric, module, optimiser, 1.0)
    moved = before - module.weight.detach()
    assert torch.allclose(moved, torch.tensor([[0.6, 0.8]]), atol=1e-5)  # rate 1, norm 1


def _linear(fabric):
    linear = nn.Linear(2, 1, bias=False)
    return fabric.setup(linear, torch.optim.SGD(linear.parameters(), lr=1.0))


def test_batch_statistics_survive_an_overflow():
    norm = nn.Sequential(nn.BatchNorm3d(2), nn.GroupNorm(1, 2))
    norm(torch.randn(4, 2, 3, 3, 3))
    kept = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    statistics = RunningStatistics(norm, None)
    norm(torch.full((4, 2, 3, 3, 3), torch.inf))
    assert not norm[0].running_mean.isfinite().all()
    statistics.restore()
    assert kept.keys() == dict(norm.named_buffers()).keys()
    assert all(torch.equal(kept[name], buffer) for name, buffer in norm.named_buffers())


def test_a_scaler_hears_of_a_gradient_that_overflows_and_lowers_its_scale():
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    fabric = Fabric(devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler=scaler))
    module, optimiser = _linear(fabric)
    before = module.weight.detach().clone()
    fabric.backward(module(torch.tensor([[3.0e4, 0.0]])).float().sum() * 1e38)
    assert not take_step(fabric, module, optimiser, 1.0)
    assert torch.equal(module.weight, before)
    assert scaler.get_scale() == 512.0
    optimiser.zero_grad()
    fabric.backward(module(torch.tensor([[0.0, 2.0]])).float().sum())
    assert take_step(fabric, module, optimiser, 1.0)
    assert not torch.equal(module.weight, before)
