"""Group norm, ReLU and addition at once against torch's, one after the other."""

import pytest
import torch
from torch import nn

from napari_tumor_synth.networks.packed.group_norm import GroupNormRelu


def norm_of(channels, groups=4):
    torch.manual_seed(channels)
    norm = nn.GroupNorm(groups, channels, eps=1e-6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm.requires_grad_(False)


def volume(*shape, dtype=torch.float32):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(len(shape))) * 3 + 1
    return x.to(dtype, memory_format=torch.channels_last_3d)


@pytest.mark.parametrize(
    "shape",
    [(1, 16, 8, 8, 8), (2, 32, 4, 6, 10), (3, 4, 2, 1, 3), (1, 12, 3, 5, 7), (1, 64, 16, 16, 16)],
)
@pytest.mark.parametrize("with_addition", [True, False])
def test_it_is_norm_then_relu_then_addition(shape, with_addition):
    norm, x, added = norm_of(shape[1]), volume(*shape), volume(*shape).flip(4)
    exact = norm(x).relu() + (added if with_addition else 0)
    found = GroupNormRelu(norm)(x.clone(), added if with_addition else None)
    assert found.shape == x.shape
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=1e-5)
    assert (exact == 0).any() or with_addition


def test_bfloat16_is_rounded_once():
    shape = (1, 32, 8, 8, 8)
    norm, x, added = norm_of(32), volume(*shape, dtype=torch.bfloat16), volume(*shape)
    added = added.bfloat16()
    exact = norm(x.float()).relu() + added.float()
    found = GroupNormRelu(norm)(x.clone(), added)
    assert found.dtype == torch.bfloat16
    # equal to the rounded exact numbers but for those that lie between two
    assert (found == exact.bfloat16()).float().mean() > 0.999
    torch.testing.assert_close(found.float(), exact, atol=1e-6, rtol=2**-8)


def test_any_memory_format_of_the_input_will_do():
    norm, x = norm_of(16), volume(1, 16, 4, 6, 8)
    plain = x.contiguous()
    assert torch.equal(GroupNormRelu(norm)(plain, plain.clone()), GroupNormRelu(norm)(x.clone(), x))


def test_threads_change_nothing():
    norm, x = norm_of(32), volume(1, 32, 16, 16, 18)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(GroupNormRelu(norm)(x.clone()))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_a_constant_volume_gives_its_shifts():
    norm = norm_of(8)
    found = GroupNormRelu(norm)(torch.full((1, 8, 4, 4, 4), 1e4))
    torch.testing.assert_close(found[0, :, 0, 0, 0], norm.bias.relu(), atol=1e-3, rtol=0)
    assert found.isfinite().all()


def test_what_is_not_a_number_is_not_hidden():
    x = volume(1, 16, 4, 4, 4)
    x[0, 5] = torch.nan
    found = GroupNormRelu(norm_of(16))(x)
    assert found[0, 4:8].isnan().all()
    assert found[0, :4].isfinite().all()
