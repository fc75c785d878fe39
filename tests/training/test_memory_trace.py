"""Tensors without content hold what real ones would."""

import torch
from torch import nn

from napari_tumor_synth.networks.blocks import UpsampleTwice
from napari_tumor_synth.training.memory.estimate import Moment
from napari_tumor_synth.training.memory.trace import WithoutContent, moments_of, widen_as_on_gpu

FLOAT = 4


def test_bytes_come_and_go_with_storages():
    with WithoutContent() as held:
        kept = torch.zeros(1000)
        view = kept[10:20]
        assert held.fixed == 1000 * FLOAT
        other = kept + 1
        assert held.fixed == 2000 * FLOAT
        del other, kept
        assert held.fixed == 1000 * FLOAT  # the view needs its base
        del view
        assert held.fixed == 0


def test_sizes_that_no_machine_has_take_nothing():
    with WithoutContent() as held:
        _huge = torch.zeros(1 << 40)
        assert held.fixed == FLOAT << 40


def test_a_linear_layer_holds_its_weights_gradients_input_and_output():
    wide, rows = 1000, 10_000
    with WithoutContent() as held:
        layer = nn.Linear(wide, wide, bias=False)
        layer.weight.grad = torch.zeros_like(layer.weight)

        def step(size):
            hidden = torch.zeros(size * rows, wide)
            layer(hidden).sum().backward()

        moments = moments_of(step, held, 4)
    weights = wide * wide * FLOAT
    assert moments == (Moment(2 * weights + FLOAT, 2 * rows * wide * FLOAT),)  # and the sum


def test_both_moments_are_kept_where_either_can_be_the_fullest():
    with WithoutContent() as held:

        def step(size):
            del [torch.zeros(100)][:]
            del [torch.zeros(size, 30)][:]

        moments = moments_of(step, held, 8)
    assert moments == (Moment(100 * FLOAT, 0), Moment(0, 30 * FLOAT))


def test_norms_and_upsampling_are_widened_as_on_a_gpu():
    def types(network):
        with torch.autocast("cpu", torch.bfloat16):
            low = torch.zeros(1, 8, 4, 4, 4, dtype=torch.bfloat16)
            return [part(low).dtype for part in network]

    network = nn.Sequential(nn.GroupNorm(2, 8), UpsampleTwice(), nn.Conv3d(8, 8, 1))
    assert types(network) == [torch.bfloat16] * 3
    widen_as_on_gpu(network)
    assert types(network) == [torch.float32, torch.float32, torch.bfloat16]
