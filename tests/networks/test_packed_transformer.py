"""The packed transformer against the network that was trained, and against itself."""

import threading
import time

import pytest
import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import Streams, sample_causal
from napari_tumor_synth.generators.sampling_ahead import sample_ahead
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings

LENGTH = 150  # more than two panels of positions, and not a multiple of one
PRECISIONS = ("float32", "bfloat16", "int8")


def settings(**changes):
    shape = {"layers": 2, "heads": 4, "width": 96, "length": LENGTH, "codes": 40, "classes": 2}
    return TransformerSettings(**{**shape, "levels": 3, **changes})


def trained(shape=None, seed=0):
    torch.manual_seed(seed)
    model = TokenTransformer(shape or settings()).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.15)
    return model


def packed(model, precision="float32", threads=2):
    return PackedTransformer(
        model.settings, model.state_dict(), precision=precision, threads=threads
    )


@pytest.fixture
def tokens():
    return torch.randint(0, 40, (5, LENGTH, 3), generator=torch.Generator().manual_seed(1))


START = torch.tensor([0, 1, 0, 1, 1])


def through(model, start, tokens):
    """Return logits of all positions, token by token."""
    cache = model.new_cache(len(start))
    hidden = [model.step(start, cache)]
    hidden += [model.step(tokens[:, i], cache) for i in range(tokens.shape[1] - 1)]
    return model.logits(torch.stack(hidden, 1), tokens)


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"heads": 1, "width": 80},  # a head wider than a panel
        {"levels": 1, "classes": 0},
        {"positions": "axial", "grid": (5, 5, 6)},
        {"heads": 3, "width": 24, "codes": 7},  # everything narrower than a panel
    ],
)
def test_float32_logits_are_those_of_the_uncached_network(tokens, changes):
    shape = settings(**changes)
    model = trained(shape)
    tokens = tokens[..., : shape.levels] % shape.codes
    start = START if shape.classes else torch.tensor([3, 1, 0, 5, 6])
    exact = model.logits(model(tokens, start), tokens)
    assert exact.abs().max() > 0.5
    assert (through(packed(model), start, tokens) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_sample_does_not_depend_on_its_company_or_on_the_threads(tokens, precision, threads):
    model = trained()
    alone = through(packed(model, precision, 1), START[3:4], tokens[3:4])
    together = through(packed(model, precision, threads), START, tokens)
    assert torch.equal(alone[0], together[3])
    assert not torch.equal(together[0], together[2])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_positions_asked_for_together_are_those_asked_for_one_by_one(tokens, precision):
    model = packed(trained(), precision)
    cache = model.new_cache(5)
    parts = [model.steps(START, tokens[:, :3], cache)]
    forgotten = model.steps(None, tokens[:, 3:70].flip(1), cache)
    cache.position = 4
    parts.append(model.steps(None, tokens[:, 3 : LENGTH - 1], cache))
    again = model.logits(torch.cat(parts, 1), tokens)
    assert torch.equal(again, through(model, START, tokens))
    assert not torch.equal(forgotten, parts[1][:, :67])


def rounded(model, precision):
    """Return the network with the weights of its blocks as a precision stores them."""
    for name, weight in model.blocks.named_parameters():
        if weight.ndim == 2 and precision == "bfloat16":
            weight.copy_(weight.bfloat16())
        elif weight.ndim == 2 and "norm" not in name:
            step = weight.abs().amax(1, keepdim=True) / 127
            weight.copy_((weight / step).round() * step)
    return model


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_lower_precision_rounds_weights_and_cache_and_nothing_else(tokens, precision):
    model = trained()
    found = through(packed(model, precision), START, tokens)
    exact = model.logits(model(tokens, START), tokens)
    weights = rounded(model, precision)
    alike = weights.logits(weights(tokens, START), tokens)
    rounding = (found - exact).abs().mean()
    assert rounding > 1e-4
    # what is left is the rounding of keys and values to bfloat16
    assert (found - alike).abs().mean() < 0.2 * rounding


@pytest.mark.parametrize("precision", PRECISIONS)
def test_all_ways_of_drawing_give_the_same_tokens(precision):
    shape = settings(codes=12, levels=2)
    model = trained(shape)
    model.head.weight[0] += 0.4  # empty positions now and then
    decoding = DecodingSettings(top_p=0.9)
    fast = packed(model, precision)
    start = torch.tensor([0, 1, 1])
    seeds = [7, 8, 9]
    together = sample_causal(fast, start, Streams.of_seeds(seeds), decoding, empty_code=0)
    for number, seed in enumerate(seeds):
        stream, one = Streams.of_seeds([seed]), start[number : number + 1]
        ahead = sample_ahead(fast, one, stream, decoding, empty_code=0)
        assert torch.equal(ahead[0], together[number])
    if precision == "float32":
        slow = sample_causal(model, start, Streams.of_seeds(seeds), decoding, empty_code=0)
        assert torch.equal(slow, together)
    assert (together == 0).any()
    assert len(together.unique()) == 12


def test_two_runs_at_once_do_not_disturb_each_other(tokens):
    model = packed(trained())
    expected = through(model, START, tokens)
    found = {}

    def run(number):
        with torch.inference_mode():
            found[number] = through(model, START, tokens)

    runs = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join(120)
    assert all(torch.equal(found[number], expected) for number in range(3))


def test_helpers_that_went_away_come_back(tokens):
    model = packed(trained(), threads=3)
    expected = through(model, START, tokens)
    cache = model.new_cache(5)
    hidden = [model.step(START, cache)]
    for i in range(LENGTH - 1):
        if i % 30 == 0:
            time.sleep(0.05)  # longer than a helper waits
        hidden.append(model.step(tokens[:, i], cache))
    assert torch.equal(model.logits(torch.stack(hidden, 1), tokens), expected)


def test_an_interrupted_call_of_helpers_leaves_nothing_waiting(tokens, monkeypatch):
    model = packed(trained(), threads=3)
    cache = model.new_cache(5)
    pool = cache.team._pool
    submit, calls = pool.submit, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:  # the first helper is there already
            raise KeyboardInterrupt
        return submit(*given)

    monkeypatch.setattr(pool, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.step(START, cache)
    hidden = [model.step(START, cache)]  # the step that was not begun
    hidden += [model.step(tokens[:, i], cache) for i in range(LENGTH - 1)]
    found = model.logits(torch.stack(hidden, 1), tokens)
    assert torch.equal(found, through(packed(trained(), threads=1), START, tokens))
    pool.shutdown()  # returns: no helper waits for a step that never comes


def test_a_full_cache_and_another_batch_are_refused(tokens):
    model = packed(trained())
    cache = model.new_cache(2)
    with pytest.raises(InputError, match="cannot take token 1 of 5"):
        model.step(START, cache)
    model.steps(START[:2], tokens[:2, :-1], cache)
    with pytest.raises(InputError, match=f"token {LENGTH + 1}"):
        model.step(tokens[:2, -1], cache)


def test_a_bidirectional_network_cannot_be_packed():
    model = trained(settings(causal=False))
    with pytest.raises(InputError, match="no cache"):
        packed(model)
