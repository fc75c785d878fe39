import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, ttest_rel

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.training.vqgan.masking import corrupt, cosine_mask, random_code_mask
from napari_tumor_synth.training.vqgan.masking_hybrid import hybrid_mask

GRIDS = st.tuples(*[st.integers(1, 6)] * 3)
SHARES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
SEEDS = st.integers(0, 2**31)
SIDES = st.sampled_from(["single", "double"])


def generator(seed):
    return torch.Generator().manual_seed(seed)


def half_up(length, share):
    return math.floor(length * share + 0.5)


def row_and_depth_neighbours(position, grid):
    """Written apart from the code under test: by coordinates, not by strides."""
    s, a, r = np.unravel_index(position, grid)
    found = {"row": [], "depth": []}
    for step in (-1, 1):
        if 0 <= r + step < grid[2]:
            found["row"].append(int(np.ravel_multi_index((s, a, r + step), grid)))
        if 0 <= s + step < grid[0]:
            found["depth"].append(int(np.ravel_multi_index((s + step, a, r), grid)))
    return found


def important_positions(scores, top_k):
    """Break ties by position, as documented."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    return set(order[: half_up(len(scores), top_k)])


@st.composite
def hybrid_cases(draw):
    grid = draw(GRIDS)
    rng = np.random.default_rng(draw(SEEDS))
    levels = draw(st.sampled_from([1, 3, 10_000]))  # few levels: many ties
    scores = torch.from_numpy(rng.integers(levels, size=(3, math.prod(grid))) / levels)
    chosen = {"ratio": draw(SHARES), "top_k": draw(SHARES), "sided": draw(SIDES)}
    return grid, scores, chosen, draw(SEEDS)


@given(st.integers(1, 4), st.integers(1, 60), SHARES, SEEDS)
def test_random_codes_take_the_exact_share(batch, length, ratio, seed):
    mask = random_code_mask(batch, length, ratio, generator(seed))
    assert mask.random_code.shape == (batch, length)
    assert mask.random_code.sum(1).tolist() == [half_up(length, ratio)] * batch
    assert not mask.mask_token.any()
    assert torch.equal(mask.masked, mask.random_code)


def test_random_codes_are_uniform_over_positions():
    mask = random_code_mask(4000, 20, 0.5, generator(1))
    # Exactly half are taken each time, so counts vary less than Poisson: this is conservative.
    assert chisquare(mask.masked.sum(0).numpy()).pvalue > 0.01
    assert len({tuple(row) for row in mask.masked[:50].int().tolist()}) == 50


@settings(deadline=None)
@given(hybrid_cases())
def test_hybrid_counts_are_exact_and_disjoint(case):
    grid, scores, chosen, seed = case
    mask = hybrid_mask(scores, grid, generator(seed), **chosen)
    total = half_up(math.prod(grid), chosen["ratio"])
    assert mask.masked.sum(1).tolist() == [total] * 3
    assert not (mask.mask_token & mask.random_code).any()
    assert (mask.mask_token.sum(1) <= total // 2).all()
    if chosen["top_k"] == 0:
        assert not mask.mask_token.any()


@settings(deadline=None)
@given(hybrid_cases())
def test_mask_tokens_are_important_or_beside_an_important_one(case):
    grid, scores, chosen, seed = case
    mask = hybrid_mask(scores, grid, generator(seed), **chosen)
    half = half_up(math.prod(grid), chosen["ratio"]) // 2
    for row, masked in zip(scores.tolist(), mask.mask_token, strict=True):
        important = important_positions(row, chosen["top_k"])
        positions = set(masked.nonzero()[:, 0].tolist())
        seeds = positions & important
        each = 2 if chosen["sided"] == "single" else 3
        assert len(seeds) >= min(math.ceil(half / each), len(important))
        for position in positions - important:
            beside = row_and_depth_neighbours(position, grid)
            assert seeds & {*beside["row"], *beside["depth"]}
        if len(positions) < half:  # only when the important ones are used up
            assert important <= positions


@settings(deadline=None)
@given(hybrid_cases())
def test_random_codes_avoid_important_positions_while_others_are_left(case):
    grid, scores, chosen, seed = case
    mask = hybrid_mask(scores, grid, generator(seed), **chosen)
    for row, masked, noisy in zip(scores.tolist(), mask.mask_token, mask.random_code, strict=True):
        important = important_positions(row, chosen["top_k"])
        noisy_positions = set(noisy.nonzero()[:, 0].tolist())
        if noisy_positions & important:
            unimportant = set(range(len(row))) - important
            assert unimportant <= noisy_positions | set(masked.nonzero()[:, 0].tolist())


def test_paper_setting_on_the_paper_grid():
    scores = torch.rand(16, 512, generator=generator(0))
    mask = hybrid_mask(scores, (8, 8, 8), generator(1))
    assert mask.mask_token.sum(1).tolist() == [128] * 16
    assert mask.random_code.sum(1).tolist() == [128] * 16
    important = scores.argsort(1, descending=True)[:, :128]
    assert (mask.mask_token.gather(1, important).sum(1) >= 64).all()
    assert not mask.random_code.gather(1, important).any()


@pytest.mark.parametrize("grid", [(5, 4, 3), (3, 2, 7), (1, 4, 4), (4, 4, 1), (2, 1, 2)])
@pytest.mark.parametrize("sided", ["single", "double"])
def test_blocks_never_cross_the_end_of_a_row_or_of_the_slabs(grid, sided):
    # One important position and room for its whole block: what else is masked is its neighbour.
    length = math.prod(grid)
    each = 2 if sided == "single" else 3
    ratio = min(1.0, 2 * each / length)
    draws = 64
    for seed in range(length):
        scores = torch.zeros(draws, length)
        scores[:, seed] = 1
        mask = hybrid_mask(
            scores, grid, generator(seed), ratio=ratio, top_k=1 / length, sided=sided
        )
        beside = row_and_depth_neighbours(seed, grid)
        axes = [set(axis) for axis in beside.values() if axis]
        allowed = axes if sided == "double" else [{one} for axis in axes for one in axis]
        blocks = [set(row.nonzero()[:, 0].tolist()) - {seed} for row in mask.mask_token]
        assert mask.mask_token[:, seed].all()
        assert {frozenset(block) for block in blocks} == {frozenset(block) for block in allowed}


def test_axis_and_side_are_fair_coins():
    grid, middle, draws = (3, 3, 3), 13, 8000
    scores = torch.zeros(draws, 27)
    scores[:, middle] = 1
    mask = hybrid_mask(scores, grid, generator(3), ratio=4 / 27, top_k=1 / 27)
    beside = row_and_depth_neighbours(middle, grid)
    counts = mask.mask_token[:, beside["row"] + beside["depth"]].sum(0).numpy()
    assert counts.sum() == draws
    assert chisquare(counts).pvalue > 0.01


def test_seeds_are_uniform_over_important_and_codes_over_unimportant_positions():
    # Important positions lie apart, so none is masked as the neighbour of another.
    grid, draws = (1, 8, 8), 6000
    important = torch.arange(8) * 8
    scores = torch.zeros(draws, 64)
    scores[:, important] = 1
    mask = hybrid_mask(scores, grid, generator(4), ratio=16 / 64, top_k=8 / 64)
    seeds = mask.mask_token[:, important].sum(0).numpy()
    assert seeds.sum() == 4 * draws
    assert chisquare(seeds).pvalue > 0.01
    codes = mask.random_code.sum(0).reshape(8, 8)
    assert not codes[:, 0].any()
    # Column 1 is masked half of the time as the neighbour of column 0; the others are equal.
    assert chisquare(codes[:, 2:].flatten().numpy()).pvalue > 0.01
    assert chisquare(codes[:, 1].numpy()).pvalue > 0.01


@pytest.mark.parametrize("sided", ["single", "double"])
def test_no_slab_is_preferred_to_its_mirror_image(sided):
    scores = torch.rand(20_000, 64, generator=generator(5))
    mask = hybrid_mask(scores, (4, 4, 4), generator(6), sided=sided)
    for part in (mask.mask_token, mask.random_code):
        first, second, third, fourth = part.reshape(-1, 4, 16).sum(2).double().numpy().T
        # Positions of one sample come in blocks, so the sample is the unit of the test.
        assert ttest_rel(first, fourth).pvalue > 0.01
        assert ttest_rel(second, third).pvalue > 0.01


def test_ties_go_to_the_earlier_position():
    mask = hybrid_mask(torch.zeros(200, 16), (1, 4, 4), generator(7), ratio=0.25, top_k=1 / 16)
    assert mask.mask_token[:, 0].all()


def test_the_same_seed_gives_the_same_masks_and_another_seed_others():
    scores = torch.rand(4, 512, generator=generator(8))

    def masks(seed):
        g = generator(seed)
        return [
            hybrid_mask(scores, (8, 8, 8), g).masked,
            random_code_mask(4, 512, 0.5, g).masked,
            cosine_mask(4, 512, g).masked,
        ]

    assert all(torch.equal(a, b) for a, b in zip(masks(1), masks(1), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(masks(1), masks(2), strict=True))


@given(st.integers(1, 5), st.integers(1, 40), SEEDS)
def test_cosine_masks_hold_one_position_at_least(batch, length, seed):
    mask = cosine_mask(batch, length, generator(seed))
    assert mask.mask_token.shape == (batch, length)
    assert (mask.mask_token.sum(1) >= 1).all()
    assert not mask.random_code.any()


def test_cosine_shares_follow_the_schedule():
    share = cosine_mask(20_000, 400, generator(9)).masked.float().mean(1).double()
    # u = 2 / pi * arccos(share) is uniform if the share is cos(pi u / 2).
    u = 2 / math.pi * torch.arccos((share - 0.5 / 400).clamp(0, 1))
    assert chisquare(np.histogram(u.numpy(), 10, (0, 1))[0]).pvalue > 0.01
    assert share.max() == 1


def test_corrupt_changes_random_code_positions_only_and_all_levels_of_them():
    codes = 50
    tokens = torch.randint(codes, (64, 30, 3), generator=generator(10))
    before = tokens.clone()
    mask = hybrid_mask(torch.rand(64, 30, generator=generator(11)), (2, 3, 5), generator(12))
    mixed, mask_token = corrupt(tokens, mask, codes, generator(13))
    assert torch.equal(tokens, before)
    assert torch.equal(mask_token, mask.mask_token)
    assert torch.equal(mixed[~mask.random_code], tokens[~mask.random_code])
    assert mixed.min() >= 0
    assert mixed.max() < codes
    drawn = mixed[mask.random_code]
    for level in range(3):
        assert chisquare(np.bincount(drawn[:, level], minlength=codes)).pvalue > 0.001
    assert (drawn[:, 0] == drawn[:, 1]).float().mean() < 5 / codes


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_ratio_that_is_no_share_is_refused(share):
    with pytest.raises(InputError, match="mask ratio"):
        random_code_mask(1, 8, share, generator(0))
    with pytest.raises(InputError, match="top-k"):
        hybrid_mask(torch.zeros(1, 8), (2, 2, 2), generator(0), top_k=share)


def test_scores_of_another_grid_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        hybrid_mask(torch.zeros(1, 8), (2, 2, 3), generator(0))
