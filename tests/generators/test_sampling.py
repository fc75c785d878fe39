import math

import numpy as np
import pytest
import torch

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import (
    Streams,
    draw_codes,
    least_confident,
    sample_causal,
    sample_parallel,
)
from napari_tumor_synth.generators.sampling_ahead import sample_ahead
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings

PLAIN = DecodingSettings()


def _shares_of(logits, decoding, draws=20_000, empty_code=None):
    numbers = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws
    codes = draw_codes(logits.expand(draws, -1), numbers, decoding, empty_code)
    return torch.bincount(codes, minlength=logits.shape[-1]) / draws


def test_codes_come_with_the_probabilities_of_the_softmax():
    logits = torch.tensor([0.3, -1.0, 2.0, 0.0, -5.0])
    shares = _shares_of(logits, PLAIN)
    assert torch.allclose(shares, logits.softmax(0), atol=1e-4)


def test_temperature_divides_the_logits():
    logits = torch.tensor([0.3, -1.0, 2.0])
    shares = _shares_of(logits, DecodingSettings(temperature=0.5))
    assert torch.allclose(shares, (2 * logits).softmax(0), atol=1e-4)


def test_top_k_keeps_the_k_likeliest():
    logits = torch.tensor([0.0, 3.0, 1.0, 2.0])
    shares = _shares_of(logits, DecodingSettings(top_k=2))
    assert shares[[0, 2]].tolist() == [0, 0]
    assert torch.allclose(shares[[1, 3]], torch.tensor([3.0, 2.0]).softmax(0), atol=1e-4)


def test_top_p_keeps_the_smallest_set_that_holds_the_probability():
    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])
    kept = _shares_of(shares.log(), DecodingSettings(top_p=0.75))
    assert kept[2:].tolist() == [0, 0]
    assert torch.allclose(kept[:2], torch.tensor([0.625, 0.375]), atol=1e-4)
    only_first = _shares_of(shares.log(), DecodingSettings(top_p=0.4))
    assert only_first.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("decoding", "others"),
    [
        (PLAIN, [0.5, 0.3, 0.2]),
        (DecodingSettings(top_p=0.75), [0.625, 0.375, 0]),
        (DecodingSettings(top_k=1), [1, 0, 0]),
        (DecodingSettings(temperature=0.5), [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]),
    ],
)
@pytest.mark.parametrize("empty", [0.0, 0.1, 0.9, 0.99999])
def test_settings_choose_among_the_codes_of_tumours_and_leave_empty_as_likely_as_learnt(
    decoding, others, empty
):
    shares = torch.cat([torch.tensor([empty]), (1 - empty) * torch.tensor([0.5, 0.3, 0.2])])
    found = _shares_of(shares.log(), decoding, empty_code=0)
    wanted = torch.cat([torch.tensor([empty]), (1 - empty) * torch.tensor(others)])
    assert torch.allclose(found, wanted, atol=1e-4)


def test_extreme_numbers_draw_codes_that_are_possible():
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]]).expand(2, -1)
    codes = draw_codes(logits, torch.tensor([0.0, 1 - 1e-16], dtype=torch.float64), PLAIN)
    assert codes[0] == 1
    assert codes[1] in (1, 2)


def test_streams_are_independent_of_their_company():
    alone = Streams.of_seeds([5]).uniform(3)
    together = Streams.of_seeds([1, 5, 9]).uniform(3)
    assert torch.equal(alone[0], together[1])
    assert not torch.equal(together[0], together[1])


def test_causal_sampling_follows_the_model():
    """Empirical pairs of a two-token model against its exact joint distribution."""
    torch.manual_seed(0)
    settings = TransformerSettings(
        layers=1, heads=1, width=16, length=2, codes=3, levels=1, classes=2
    )
    model = TokenTransformer(settings).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    count = 4000
    with torch.no_grad():
        start = torch.zeros(count, dtype=torch.long)
        drawn = sample_causal(model, start, Streams.of_seeds(range(count)), PLAIN)[..., 0]
        pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
        hidden = model(pairs[..., None], start[:9])
        logs = model.logits(hidden, pairs[..., None])[:, :, 0].log_softmax(-1)
        exact = logs.gather(-1, pairs[..., None]).sum((1, 2)).exp()
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    found = np.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9) / count
    deviation = np.abs(found - exact.numpy()) / np.sqrt(exact.numpy() / count)
    assert deviation.max() < 4


def test_the_least_confident_of_the_masked_positions_stay_masked():
    confidence = torch.tensor([[0.0, -9.0, -1.0, -3.0, -2.0]])
    masked = torch.tensor([[True, False, True, True, True]])
    kept = least_confident(confidence, masked, 2)
    assert kept.tolist() == [[False, False, False, True, True]]
    assert least_confident(confidence, masked, 0).sum() == 0


def test_parallel_rounds_follow_the_cosine_and_settle_tokens_for_good():
    length, rounds = 16, 5
    torch.manual_seed(0)
    model = TokenTransformer(
        TransformerSettings(
            layers=1, heads=2, width=16, length=length, codes=8, levels=2, classes=2, causal=False
        )
    ).eval()
    seen = []
    handle = model.register_forward_pre_hook(
        lambda _, inputs: seen.append((inputs[0].clone(), inputs[2].clone()))
    )
    with torch.inference_mode():
        tokens = sample_parallel(
            model, torch.tensor([0, 1]), Streams.of_seeds([3, 4]), DecodingSettings(steps=rounds)
        )
    handle.remove()
    counts = [math.floor(length * math.cos(math.pi / 2 * turn / rounds)) for turn in range(rounds)]
    assert [mask.sum(1).tolist() for _, mask in seen] == [[count, count] for count in counts]
    for given, mask in seen:
        assert torch.equal(given[~mask], tokens[~mask])


@pytest.mark.parametrize("causal", [True, False])
def test_a_position_that_is_empty_on_the_first_level_is_empty_on_all(causal):
    torch.manual_seed(0)
    settings = TransformerSettings(
        layers=1, heads=2, width=16, length=27, codes=4, levels=3, classes=2, causal=causal
    )
    model = TokenTransformer(settings).eval()
    draw = sample_causal if causal else sample_parallel
    start = torch.zeros(8, dtype=torch.long)
    with torch.inference_mode():
        tokens = draw(model, start, Streams.of_seeds(range(8)), PLAIN, empty_code=0)
        free = draw(model, start, Streams.of_seeds(range(8)), PLAIN)
    empty = tokens[..., 0] == 0
    assert 0 < empty.double().mean() < 1
    assert bool((tokens[empty] == 0).all())
    assert bool((tokens[~empty][:, 1:] == 0).any())  # the code means something else there
    assert bool((free[free[..., 0] == 0] > 0).any())


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("empty_share", [0.3, 0.97])
def test_drawing_ahead_gives_the_tokens_that_drawing_one_by_one_gives(seed, empty_share):
    torch.manual_seed(seed)
    settings = TransformerSettings(
        layers=2, heads=2, width=32, length=125, codes=6, levels=3, classes=2
    )
    model = TokenTransformer(settings).double().eval()
    for weight in model.parameters():  # so that what came before matters
        torch.nn.init.normal_(weight, std=0.3)
    with torch.no_grad():  # the first code's row of the head, from what the final norm puts out
        model.final_norm.bias.fill_(1.0)
        model.head.weight[0] += math.log(empty_share / (1 - empty_share)) / 32 + 0.05
    start = torch.tensor([seed % 2])
    decoding = DecodingSettings(top_p=0.9, temperature=0.8)
    with torch.inference_mode():
        one = sample_causal(model, start, Streams.of_seeds([seed]), decoding, empty_code=0)
        ahead = sample_ahead(model, start, Streams.of_seeds([seed]), decoding, empty_code=0)
    assert torch.equal(ahead, one)
    assert 0 < int((ahead[0, :, 0] > 0).sum()) < 125


def test_drawing_ahead_tells_its_progress_to_the_end():
    torch.manual_seed(0)
    settings = TransformerSettings(layers=1, heads=2, width=16, length=27, codes=4, classes=2)
    model = TokenTransformer(settings).eval()
    told = []
    with torch.inference_mode():
        sample_ahead(
            model, torch.tensor([0]), Streams.of_seeds([1]), PLAIN, told.append, empty_code=0
        )
    steps = [progress.step for progress in told]
    assert steps == sorted(set(steps))
    assert steps[-1] == told[-1].total == 27
