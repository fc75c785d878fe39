"""Recorded steps against those of the network itself."""

import gc

import pytest
import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.recorded_steps import RecordedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings

LENGTH = 20
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    ),
]


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def pair(device, **changes):
    shape = {"layers": 2, "heads": 4, "width": 32, "length": LENGTH, "codes": 12, "classes": 2}
    settings = TransformerSettings(**{**shape, "levels": 2, **changes})
    torch.manual_seed(0)
    plain = TokenTransformer(settings).eval()
    for weight in plain.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    recorded = RecordedTransformer(settings).eval()
    recorded.load_state_dict(plain.state_dict())
    return plain.to(device), recorded.to(device)


def through(model, tokens, start, cache=None):
    cache = model.new_cache(len(start)) if cache is None else cache
    hidden = [model.step(start, cache)]
    hidden += [model.step(tokens[:, i], cache) for i in range(LENGTH - 1)]
    return model.logits(torch.stack(hidden, 1), tokens)


def some_tokens(device, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 12, (3, LENGTH, 2), generator=generator).to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("changes", [{}, {"classes": 0}, {"positions": "axial", "grid": (5, 2, 2)}])
def test_logits_are_those_of_the_uncached_network(device, changes):
    plain, recorded = pair(device, **changes)
    tokens, start = some_tokens(device), torch.tensor([0, 1, 1], device=device)
    exact = plain.logits(plain(tokens, start), tokens)
    assert exact.abs().max() > 0.5
    assert (through(recorded, tokens, start) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("device", DEVICES)
def test_what_was_recorded_is_lent_again_and_remembers_nothing(device):
    _, recorded = pair(device)
    start = torch.tensor([0, 1, 1], device=device)
    first = through(recorded, some_tokens(device), start)
    cache = recorded.new_cache(3)
    step = cache.step
    other = through(recorded, some_tokens(device, 1), start.flip(0), cache)
    busy = recorded.new_cache(3)
    assert busy.step is not step
    del cache
    gc.collect()
    again = recorded.new_cache(3)
    assert again.step is step
    assert torch.equal(through(recorded, some_tokens(device), start, again), first)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("device", DEVICES)
def test_positions_that_were_forgotten_do_not_count(device):
    _, recorded = pair(device)
    tokens, start = some_tokens(device), torch.tensor([0, 1, 1], device=device)
    exact = through(recorded, tokens, start)
    cache = recorded.new_cache(3)
    recorded.step(start, cache)
    for i in range(9):
        recorded.step(tokens[:, -i - 1], cache)
    cache.position = 1
    hidden = recorded.step(tokens[:, 0], cache)
    assert (recorded.head(hidden) - exact[:, 1, 0]).abs().max() < 1e-5


def test_a_full_cache_takes_no_more():
    _, recorded = pair("cpu")
    cache = recorded.new_cache(3)
    through(recorded, some_tokens("cpu"), torch.tensor([0, 1, 1]), cache)
    with pytest.raises(InputError, match="cannot take token 21"):
        recorded.step(some_tokens("cpu")[:, 0], cache)
