import pytest
import torch

from napari_tumor_synth.networks.code_usage import CodeUsage


def test_usage_and_perplexity_are_those_of_all_batches_together() -> None:
    usage = CodeUsage(codes=4, levels=2)
    usage.add(torch.tensor([[[[[0, 0]]], [[[3, 3]]]]]))
    usage.add(torch.tensor([[[[[1, 1]]], [[[3, 3]]]]]))
    assert usage.usage() == [0.5, 0.25]
    assert usage.perplexity() == pytest.approx([2.0, 1.0])


def test_uneven_use_lowers_the_perplexity_only() -> None:
    usage = CodeUsage(codes=3)
    usage.add(torch.tensor([0] * 8 + [1, 2]).view(1, 1, 10, 1, 1))
    assert usage.usage() == [1.0]
    expected = 0.8**-0.8 * 0.1**-0.1 * 0.1**-0.1
    assert usage.perplexity() == pytest.approx([expected])


def test_nothing_counted_is_no_use() -> None:
    usage = CodeUsage(codes=3)
    assert usage.usage() == [0.0]
    assert usage.perplexity() == [0.0]
