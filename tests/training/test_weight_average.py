import pytest
import torch
from torch import nn

from napari_tumor_synth.training.weight_average import WeightAverage


def trained(average, module, steps):
    for step in range(steps):
        with torch.no_grad():
            module[0].weight.fill_(step + 1.0)
        module(torch.full((4, 2), float(step)))  # moves the running mean
        average.update(module)


def test_weights_are_averaged_as_the_formula_says_and_buffers_are_the_modules():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(module, 0.9)
    trained(average, module, 50)
    expected = 1.0  # the first update takes the weights over
    for step in range(1, 50):
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1.0)
    assert average.module[0].weight[0, 0].item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(average.module[1].running_mean, module[1].running_mean)
    assert average.module[0].weight[0, 0].item() < module[0].weight[0, 0].item()


def test_an_average_goes_on_from_its_state_bit_for_bit():
    torch.manual_seed(0)
    first, second = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), None
    average = WeightAverage(first, 0.99)
    trained(average, first, 5)
    second = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    second.load_state_dict(first.state_dict())
    resumed = WeightAverage(second, 0.99)
    resumed.load_state_dict(average.state_dict())
    for module, its in ((first, average), (second, resumed)):
        trained(its, module, 3)
    assert torch.equal(average.module[0].weight, resumed.module[0].weight)


def test_averages_have_no_gradients_and_leave_those_of_the_module_alone():
    module = nn.Sequential(nn.Linear(2, 1), nn.Identity())
    average = WeightAverage(module, 0.9)
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())
