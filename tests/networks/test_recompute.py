"""Recomputing activations changes memory, and nothing else."""

import copy

import pytest
import torch
from torch import nn

from napari_tumor_synth.networks.recompute import set_recompute
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings
from napari_tumor_synth.networks.vqgan import Vqgan, VqganSettings


def saved_bytes(run) -> int:
    """Return what autograd keeps for the backward pass."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(kept.values())


def gradients_of(model: nn.Module, run) -> dict[str, torch.Tensor]:
    run(model).square().mean().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("norm", ["batch", "group", "channel"])
def test_an_autoencoder_learns_the_same_with_less_memory(norm):
    torch.manual_seed(0)
    settings = VqganSettings(
        widths=(8, 16, 16), strides=(2, 2, 1), residual_blocks=(1, 1, 1), embedding=8, norm=norm
    )
    plain = Vqgan(settings).train()
    sparing = copy.deepcopy(plain)
    set_recompute(sparing, True)
    x = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(1))

    def run(model):
        return model.decode(model.encode(x))

    kept = saved_bytes(lambda: run(copy.deepcopy(plain)))
    assert saved_bytes(lambda: run(copy.deepcopy(sparing))) < 0.6 * kept
    ours, theirs = gradients_of(sparing, run), gradients_of(plain, run)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    buffers = dict(plain.named_buffers())
    assert all(torch.equal(value, buffers[name]) for name, value in sparing.named_buffers())


@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_can_be_asked_for_before_the_backward_pass(recompute):
    # as an adaptive weight does; each pass computes again, and statistics stay
    settings = VqganSettings(
        widths=(8, 16), strides=(2, 2), residual_blocks=(1, 1), embedding=8, norm="batch"
    )
    torch.manual_seed(0)
    model = Vqgan(settings).train()
    set_recompute(model, recompute)
    x = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    loss = model.decode(model.encode(x)).square().mean()
    before = {name: value.clone() for name, value in model.named_buffers()}
    last = [p for p in model.decoder.parameters() if p.ndim == 5][-1]
    asked = [torch.autograd.grad(loss, last, retain_graph=True)[0] for _ in range(2)]
    loss.backward()
    assert torch.equal(asked[0], asked[1])
    assert torch.equal(asked[0], last.grad)
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_a_transformer_learns_the_same_with_less_memory():
    torch.manual_seed(0)
    settings = TransformerSettings(
        layers=4, heads=2, width=32, length=27, codes=16, classes=2, dropout=0.1
    )
    plain = TokenTransformer(settings).train()
    sparing = copy.deepcopy(plain)
    set_recompute(sparing, True)
    tokens = torch.randint(16, (2, 27, 1), generator=torch.Generator().manual_seed(1))

    def run(model):
        torch.manual_seed(3)
        return model(tokens, torch.tensor([0, 1]))

    assert saved_bytes(lambda: run(sparing)) < 0.6 * saved_bytes(lambda: run(plain))
    ours, theirs = gradients_of(sparing, run), gradients_of(plain, run)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
