import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from vector_quantize_pytorch import VectorQuantize

from codebook_steps import learnt
from napari_tumor_synth.networks.codebook_start import nearest_codes
from napari_tumor_synth.networks.quantiser import EmaQuantiser


def latent(*shape: int, seed: int = 0, offset: float = 0.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + offset


def with_codes(quantiser: EmaQuantiser, codebooks: Tensor) -> EmaQuantiser:
    """Give a quantiser its codes, each as if it had just been used once."""
    quantiser.codebooks.copy_(codebooks)
    quantiser.cluster_sums.copy_(codebooks)
    quantiser.cluster_sizes.fill_(1)
    quantiser.initialised.fill_(True)
    return quantiser


def test_each_position_gets_the_code_nearest_to_its_own_channels() -> None:
    z = latent(2, 5, 3, 4, 2)
    quantiser = with_codes(EmaQuantiser(5, 17), latent(1, 17, 5, seed=1)).eval()
    result = quantiser(z)
    for b, s, a, r in torch.cartesian_prod(*map(torch.arange, (2, 3, 4, 2))):
        distances = (quantiser.codebooks[0] - z[b, :, s, a, r]).norm(dim=1)
        assert result.codes[b, 0, s, a, r] == distances.argmin()
        nearest = quantiser.codebooks[0, distances.argmin()]
        torch.testing.assert_close(result.vectors[b, :, s, a, r], nearest)


def test_channels_are_not_mistaken_for_positions() -> None:
    """The published code of Zhou23 reshapes (C, s, a, r) to rows of C, channels unmoved."""
    z = latent(1, 8, 2, 2, 2)
    positions = z[0].flatten(1).T
    quantiser = with_codes(EmaQuantiser(8, 8), positions[None]).eval()
    assert quantiser(z).codes.flatten().tolist() == list(range(8))
    torch.testing.assert_close(quantiser(z).vectors, z)

    as_published = nearest_codes(z.view(-1, 8), quantiser.codebooks[0])
    transposed = quantiser.codebooks[0][as_published].view(z.shape)
    assert as_published.tolist() != list(range(8))
    assert (transposed - z).abs().max() > 0.5


@pytest.mark.parametrize("lookup", ["euclidean", "cosine"])
def test_look_up_and_moving_averages_match_an_independent_implementation(lookup: str) -> None:
    codebook = latent(1, 24, 6, seed=1)
    if lookup == "cosine":
        codebook = F.normalize(codebook, dim=-1)
    ours = EmaQuantiser(6, 24, lookup=lookup, revive_below=0, commitment=0.25)  # type: ignore[arg-type]
    with_codes(ours, codebook)
    theirs = VectorQuantize(
        6,
        24,
        decay=0.99,
        use_cosine_sim=lookup == "cosine",
        commitment_weight=0.25,
        accept_3d_fmap=True,
        channel_last=False,
        rotation_trick=False,
    )
    theirs._codebook.embed.data.copy_(codebook)
    theirs._codebook.embed_avg.data.copy_(codebook)
    theirs._codebook.cluster_size.data.fill_(1)
    for step in range(20):
        z = latent(2, 6, 4, 4, 4, seed=step)
        result = learnt(ours, z)
        vectors, codes, loss = theirs(z)
        assert torch.equal(result.codes[:, 0], codes)
        torch.testing.assert_close(result.vectors, vectors, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(ours.codebooks, theirs._codebook.embed, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(ours.cluster_sizes, theirs._codebook.cluster_size)
        if lookup == "euclidean":
            torch.testing.assert_close(result.commitment, loss.squeeze())


@pytest.mark.parametrize("offset", [0.0, 5.0], ids=["centred", "shifted"])
@pytest.mark.parametrize("lookup", ["euclidean", "cosine"])
def test_almost_all_codes_are_in_use_after_100_steps(lookup: str, offset: float) -> None:
    """On these inputs a common EMA quantiser without revival ends with one or two of 512 codes."""
    z = latent(2, 64, 8, 8, 8, offset=offset)
    quantiser = EmaQuantiser(64, 512, lookup=lookup)  # type: ignore[arg-type]
    for _ in range(100):
        codes = learnt(quantiser, z).codes
    assert len(codes.unique()) >= 500


def test_dead_codes_come_back_only_when_asked() -> None:
    z = latent(2, 8, 6, 6, 6)
    collapsed = torch.full((1, 64, 8), 100.0)
    collapsed[0, 0] = 0
    used = {}
    for revive_below in (0.0, 0.05):
        quantiser = with_codes(EmaQuantiser(8, 64, revive_below=revive_below), collapsed)
        for _ in range(200):
            codes = learnt(quantiser, z).codes
        used[revive_below] = len(codes.unique())
    assert used[0.0] == 1
    assert used[0.05] >= 60


def test_a_batch_of_mostly_background_does_not_waste_the_codes_for_long() -> None:
    z = latent(2, 8, 6, 6, 6)
    z[..., :5, :, :] = -1
    quantiser = EmaQuantiser(8, 32)
    for _ in range(20):
        codes = learnt(quantiser, z).codes
    assert len(codes.unique()) >= 30


def test_cosine_look_up_ignores_lengths_and_returns_unit_vectors() -> None:
    z = latent(2, 8, 3, 3, 3)
    quantiser = EmaQuantiser(8, 16, lookup="cosine")
    quantiser.start(z)
    quantiser.eval()
    result, longer = quantiser(z), quantiser(7 * z)
    assert torch.equal(result.codes, longer.codes)
    torch.testing.assert_close(result.vectors.norm(dim=1), torch.ones(2, 3, 3, 3))


def test_every_level_brings_the_vectors_closer() -> None:
    z = latent(2, 8, 6, 6, 6)
    errors = []
    for levels in (1, 2, 4):
        quantiser = EmaQuantiser(8, 32, levels=levels)
        for _ in range(20):
            learnt(quantiser, z)
        quantiser.eval()
        result = quantiser(z)
        errors.append(float((result.vectors - z).square().mean()))
        torch.testing.assert_close(quantiser.vectors_of(result.codes), result.vectors)
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] < 0.7 * errors[1]


def test_second_level_quantises_what_the_first_left() -> None:
    first, second = latent(2, 6, 4, seed=1)
    quantiser = with_codes(EmaQuantiser(4, 6, levels=2), torch.stack([first, second])).eval()
    z = latent(1, 4, 2, 2, 2)
    codes = quantiser(z).codes[0].flatten(1)
    vectors = z[0].flatten(1).T
    best_first = torch.cdist(vectors, first).argmin(1)
    assert torch.equal(codes[0], best_first)
    assert torch.equal(codes[1], torch.cdist(vectors - first[best_first], second).argmin(1))


def test_gradients_pass_straight_through() -> None:
    z = latent(1, 4, 2, 2, 2).requires_grad_()
    weights = latent(1, 4, 2, 2, 2, seed=9)
    quantiser = EmaQuantiser(4, 8, commitment=0.5)
    result = learnt(quantiser, z)
    (through,) = torch.autograd.grad((result.vectors * weights).sum(), z, retain_graph=True)
    torch.testing.assert_close(through, weights)
    (pull,) = torch.autograd.grad(result.commitment, z)
    torch.testing.assert_close(pull, 0.5 * 2 * (z - result.vectors).detach() / z.numel())


def test_looking_up_changes_nothing() -> None:
    quantiser = EmaQuantiser(4, 8)
    learnt(quantiser, latent(1, 4, 3, 3, 3))
    before = copy.deepcopy(quantiser.state_dict())
    quantiser(latent(1, 4, 3, 3, 3, seed=5))
    after = quantiser.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_resuming_from_saved_state_goes_on_bit_for_bit() -> None:
    straight = EmaQuantiser(4, 64, levels=2)
    for step in range(3):
        learnt(straight, latent(1, 4, 3, 3, 3, seed=step))
    resumed = EmaQuantiser(4, 64, levels=2)
    resumed.load_state_dict(straight.state_dict())
    for step in range(3, 6):
        learnt(straight, latent(1, 4, 3, 3, 3, seed=step))
        learnt(resumed, latent(1, 4, 3, 3, 3, seed=step))
    ours, theirs = straight.state_dict(), resumed.state_dict()
    assert int(ours["updates"]) == 6
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_random_choices_come_from_the_generator_that_is_passed() -> None:
    z = latent(2, 4, 4, 4, 4)

    def codes_of(seed: int) -> Tensor:
        quantiser = EmaQuantiser(4, 16)
        learnt(quantiser, z, torch.Generator().manual_seed(seed))
        return quantiser.codebooks

    state = torch.get_rng_state()
    assert torch.equal(codes_of(1), codes_of(1))
    assert not torch.equal(codes_of(1), codes_of(2))
    assert torch.equal(state, torch.get_rng_state())


def test_mixed_precision_does_not_reach_the_quantiser() -> None:
    z = latent(2, 16, 4, 4, 4).bfloat16()
    alone, inside = EmaQuantiser(16, 64), EmaQuantiser(16, 64)
    expected = learnt(alone, z.float())
    with torch.autocast("cpu", torch.bfloat16):
        result = learnt(inside, z)
    assert result.vectors.dtype == torch.float32
    assert torch.equal(result.codes, expected.codes)
    assert torch.equal(inside.codebooks, alone.codebooks)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_batch_that_overflowed_is_not_learnt(broken: float) -> None:
    quantiser = EmaQuantiser(4, 8)
    learnt(quantiser, latent(1, 4, 3, 3, 3))
    before = copy.deepcopy(quantiser.state_dict())
    z = latent(1, 4, 3, 3, 3)
    z[0, 0, 0, 0, 0] = broken
    assert not learnt(quantiser, z).commitment.isfinite()
    after = quantiser.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_fewer_vectors_than_codes_still_start_distinct_codes() -> None:
    quantiser = EmaQuantiser(4, 64)
    quantiser.start(latent(1, 4, 2, 2, 2))
    assert len(quantiser.codebooks[0].unique(dim=0)) == 64
    assert quantiser.codebooks.isfinite().all()


def test_cosine_look_up_is_refused_for_several_levels() -> None:
    with pytest.raises(ValueError, match="for one level"):
        EmaQuantiser(4, 8, levels=2, lookup="cosine")
