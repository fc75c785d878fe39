import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.token_order import to_codes, to_tokens
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings

GRID = (3, 2, 2)
LENGTH = 12
CODES = 7


def settings(**changes: object) -> TransformerSettings:
    values: dict[str, object] = {
        "layers": 2,
        "heads": 2,
        "width": 16,
        "length": LENGTH,
        "codes": CODES,
        "levels": 2,
        "classes": 2,
    }
    return TransformerSettings.model_validate(values | changes)


def transformer(**changes: object) -> TokenTransformer:
    """Return a model whose weights are large enough that everything it sees matters."""
    torch.manual_seed(0)
    model = TokenTransformer(settings(**changes)).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.add_(0.3 * noise)
    return model.requires_grad_(False)


def tokens(batch: int = 2, levels: int = 2, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(CODES, (batch, LENGTH, levels), generator=generator)


def start(batch: int = 2) -> Tensor:
    return torch.arange(batch) % 2


VARIANTS = {
    "Zhou23": {"classes": 0, "levels": 1},
    "Zhou24": {"levels": 1},
    "several levels": {"levels": 3},
    "axial": {"positions": "axial", "grid": GRID},
    "bidirectional": {"causal": False},
    "bidirectional, unconditional": {"causal": False, "classes": 0},
    "bidirectional, axial": {"causal": False, "positions": "axial", "grid": GRID},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_shapes_and_gradients(changes: dict[str, object]) -> None:
    torch.manual_seed(0)
    model = TokenTransformer(settings(**changes))
    t = tokens(3, model.settings.levels)
    masked = torch.zeros(3, LENGTH, dtype=torch.bool)
    masked[:, 5] = True
    hidden = model(t, start(3), masked if model.settings.has_mask_token else None)
    logits = model.logits(hidden, t)
    assert hidden.shape == (3, LENGTH, 16)
    assert logits.shape == (3, LENGTH, model.settings.levels, CODES)
    F.cross_entropy(logits.flatten(0, 2), t.flatten()).backward()
    lacking = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert lacking == []


@pytest.mark.parametrize("changed", [0, 4, LENGTH - 1])
def test_causal_model_does_not_look_ahead(changed: int) -> None:
    model = transformer()
    before, after = tokens(), tokens()
    after[:, changed] = (after[:, changed] + 1) % CODES
    differs = (model(before, start()) - model(after, start())).abs().amax((0, 2)) > 1e-4
    assert differs.tolist() == [position > changed for position in range(LENGTH)]


def test_bidirectional_model_looks_everywhere() -> None:
    model = transformer(causal=False)
    before, after = tokens(), tokens()
    after[:, 4] = (after[:, 4] + 1) % CODES
    assert ((model(before, start()) - model(after, start())).abs().amax((0, 2)) > 1e-4).all()


@pytest.mark.parametrize("causal", [True, False])
def test_class_token_matters(causal: bool) -> None:
    model = transformer(causal=causal)
    lgg, hgg = (model(tokens(), torch.full((2,), c)) for c in (0, 1))
    assert ((lgg - hgg).abs().amax((0, 2)) > 1e-4).all()


def test_unconditional_sequence_starts_with_a_code_of_the_codebook() -> None:
    model = transformer(classes=0, levels=1)
    hidden = model(tokens(levels=1), torch.tensor([3, 5]))
    moved = model.code_embedding.weight.clone()
    moved[3] += torch.linspace(-1, 1, 16) ** 2
    model.code_embedding.weight.copy_(moved)
    without_three = torch.where(tokens(levels=1) == 3, 0, tokens(levels=1))
    again = model(without_three, torch.tensor([3, 5]))
    assert not torch.allclose(hidden[0, 0], again[0, 0])
    torch.testing.assert_close(hidden[1, 0], again[1, 0])


@pytest.mark.parametrize("causal", [True, False])
def test_what_stands_under_a_mask_is_not_seen(causal: bool) -> None:
    model = transformer(causal=causal)
    masked = torch.zeros(2, LENGTH, dtype=torch.bool)
    masked[:, 3:6] = True
    other = torch.where(masked[..., None], (tokens() + 1) % CODES, tokens())
    torch.testing.assert_close(model(tokens(), start(), masked), model(other, start(), masked))
    unmasked = model(tokens(), start())
    assert not torch.allclose(unmasked[:, 7], model(tokens(), start(), masked)[:, 7], atol=1e-4)


def test_masking_needs_a_mask_token() -> None:
    model = transformer(classes=0)
    with pytest.raises(InputError, match=r"no \[MASK\] token"):
        model(tokens(), start(), torch.ones(2, LENGTH, dtype=torch.bool))


def test_a_level_sees_the_lower_levels_of_its_position_only() -> None:
    model = transformer(levels=3)
    hidden = model(tokens(levels=3), start())
    before, after = tokens(levels=3), tokens(levels=3)
    after[:, 4, 1] = (after[:, 4, 1] + 1) % CODES
    differs = (model.logits(hidden, before) - model.logits(hidden, after)).abs().amax((0, 3)) > 1e-5
    assert differs.nonzero().tolist() == [[4, 2]]


def test_level_by_level_logits_are_those_of_training() -> None:
    model = transformer(levels=3)
    t = tokens(levels=3)
    hidden = model(t, start())
    together = model.logits(hidden, t)
    for level in range(3):
        alone = model.level_logits(hidden[:, 6], t[:, 6, :level])
        torch.testing.assert_close(alone, together[:, 6, level])


def test_levels_are_learnt_jointly() -> None:
    """The second code of a random position is known once the first one is."""
    torch.manual_seed(0)
    model = TokenTransformer(settings(classes=0, layers=1))
    optimiser = torch.optim.Adam(model.parameters(), 2e-2)
    for seed in range(80):
        first = tokens(8, 1, seed)
        t = torch.cat([first, (3 * first + 2) % CODES], dim=2)
        logits = model.logits(model(t, start(8)), t)
        losses = F.cross_entropy(logits.permute(0, 3, 1, 2), t, reduction="none").mean((0, 1))
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
    first_level, second_level = losses.tolist()
    assert first_level > 1.8  # log 7 = 1.95: nothing tells it
    assert second_level < 0.05


def test_tokens_are_in_raster_order() -> None:
    codes = torch.arange(2 * 12).view(1, 2, *GRID)
    t = to_tokens(codes)
    assert t.shape == (1, 12, 2)
    for i, (s, a, r) in enumerate(torch.cartesian_prod(*map(torch.arange, GRID)).tolist()):
        assert t[0, i].tolist() == codes[0, :, s, a, r].tolist()
    assert torch.equal(to_codes(t, GRID), codes)


def test_tokens_of_another_grid_are_refused() -> None:
    with pytest.raises(InputError, match="12 tokens do not fill a grid of 2 x 2 x 2"):
        to_codes(tokens(), (2, 2, 2))


def test_axial_positions_are_sums_over_the_axes() -> None:
    vectors = transformer(positions="axial", grid=GRID).positions().view(*GRID, 16)
    along_s = vectors[1:] - vectors[:-1]
    torch.testing.assert_close(along_s, along_s[:, :1, :1].expand_as(along_s))
    assert not torch.allclose(vectors[0, 0, 0], vectors[0, 0, 1])


@pytest.mark.parametrize("shape", [(2, LENGTH, 1), (2, LENGTH + 1, 2), (2, LENGTH)])
def test_tokens_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"takes \(batch, 12, 2\) tokens"):
        transformer()(torch.zeros(shape, dtype=torch.long), start())


def test_a_missing_start_is_refused() -> None:
    with pytest.raises(InputError, match="needs a start token"):
        transformer()(tokens(), None)


def test_weights_begin_as_in_the_papers_code() -> None:
    torch.manual_seed(0)
    for name, parameter in TokenTransformer(settings(width=64)).named_parameters():
        if "norm" in name or "feed_forward.0" in name:
            assert set(parameter.flatten().tolist()) == {1.0 if name.endswith("weight") else 0.0}
        elif name.endswith("bias"):
            assert not parameter.any()
        elif parameter.numel() > 1000:
            assert float(parameter.detach().std()) == pytest.approx(0.02, rel=0.1)
