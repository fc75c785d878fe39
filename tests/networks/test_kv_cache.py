import pytest
import torch
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.transformer import KeyValueCache, TokenTransformer

from .test_transformer import GRID, LENGTH, start, tokens, transformer


def stepped(model: TokenTransformer, t: Tensor, begin: Tensor) -> Tensor:
    cache = model.new_cache(len(t))
    hidden = [model.step(begin, cache)]
    hidden += [model.step(t[:, i], cache) for i in range(LENGTH - 1)]
    return torch.stack(hidden, dim=1)


@pytest.mark.parametrize(
    "changes",
    [{}, {"levels": 1, "classes": 0}, {"levels": 3, "positions": "axial", "grid": GRID}],
    ids=["conditional", "unconditional", "axial"],
)
def test_cached_steps_equal_the_whole_sequence(changes: dict[str, object]) -> None:
    model = transformer(**changes)
    t = tokens(3, model.settings.levels)
    whole = model(t, start(3))
    cached = stepped(model, t, start(3))
    torch.testing.assert_close(cached, whole, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(model.logits(cached, t), model.logits(whole, t), atol=1e-4, rtol=0)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    model = transformer()
    batch = tokens(5)
    together = stepped(model, batch, start(5))
    for index in range(5):
        alone = stepped(model, batch[index : index + 1], start(5)[index : index + 1])
        torch.testing.assert_close(together[index], alone[0], atol=1e-4, rtol=0)


def test_in_batches_of_one_size_place_and_company_do_not_matter_at_all() -> None:
    """To the last bit, so that padding every batch to eight makes samples reproducible."""
    model = transformer()
    together = stepped(model, tokens(8), start(8))
    order = torch.tensor([4, 2, 0, 1, 7, 3, 6, 5])
    moved = stepped(model, tokens(8)[order], start(8)[order])
    assert torch.equal(moved, together[order])
    others = torch.cat([tokens(8)[:1], tokens(7, seed=9)])
    assert torch.equal(stepped(model, others, start(8))[0], together[0])


def test_memory_is_allocated_once() -> None:
    model = transformer()
    cache = model.new_cache(2)
    assert cache.memory.shape == (2, 2, 2, 2, LENGTH, 8)
    where = cache.memory.data_ptr()
    model.step(start(), cache)
    assert cache.position == 1
    assert cache.memory.data_ptr() == where


@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_a_narrower_cache_is_close(weights: torch.dtype) -> None:
    whole = transformer()(tokens(), start())
    model = transformer().to(weights)
    cache = model.new_cache(2, torch.bfloat16)
    assert cache.memory.dtype == torch.bfloat16
    hidden = model.step(start(), cache)
    for i in range(LENGTH - 1):
        hidden = model.step(tokens()[:, i], cache)
    assert hidden.dtype == weights
    correlation = torch.corrcoef(torch.stack([hidden.float().flatten(), whole[:, -1].flatten()]))
    assert correlation[0, 1] > 0.999


def test_a_full_cache_or_another_batch_is_refused() -> None:
    model = transformer()
    cache = model.new_cache(2)
    with pytest.raises(InputError, match=r"cannot take token 1 of 3 sample\(s\)"):
        model.step(start(3), cache)
    model.step(start(), cache)
    for i in range(LENGTH - 1):
        model.step(tokens()[:, i], cache)
    with pytest.raises(InputError, match="cannot take token 13"):
        model.step(tokens()[:, -1], cache)


def test_bidirectional_model_has_no_cache() -> None:
    with pytest.raises(InputError, match="parallel decoding"):
        transformer(causal=False).new_cache(1)


def test_cache_knows_its_size() -> None:
    cache: KeyValueCache = transformer().new_cache(3)
    assert (cache.batch, cache.length, cache.position) == (3, LENGTH, 0)


def test_several_positions_at_once_equal_one_after_the_other_and_can_be_forgotten() -> None:
    model, t = transformer(), tokens(2)
    one_by_one = stepped(model, t, start(2))
    cache = model.new_cache(2)
    first = model.steps(start(2), t[:, :3], cache)
    assert cache.position == 4
    wrong = model.steps(None, t[:, 3:7].flip(1), cache)
    assert wrong.shape[1] == 4
    cache.position = 4
    rest = model.steps(None, t[:, 3 : LENGTH - 1], cache)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), one_by_one, atol=1e-5, rtol=1e-5)
    with pytest.raises(InputError, match="cannot take"):
        model.steps(None, t[:, :1], cache)
