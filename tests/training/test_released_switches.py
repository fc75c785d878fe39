"""What the authors' code does otherwise, beside what the papers say, in numbers."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from pydantic import ValidationError
from torch import nn

from napari_tumor_synth.training.clipping import clip_gradients
from napari_tumor_synth.training.perceptual import DrawnSlices, PerceptualLoss
from napari_tumor_synth.training.perceptual_backbones import SliceFeatures
from napari_tumor_synth.training.vqgan.adversarial_weight import adaptive_weight, strength_at
from napari_tumor_synth.training.vqgan.loss_settings import AdversarialSchedule, PerceptualChoice
from napari_tumor_synth.training.vqgan.stage_settings import TokenTraining

RELEASED_DEPTHS = (30 / 128, 98 / 128)


@pytest.fixture
def last_convolution():
    torch.manual_seed(0)
    return nn.Conv3d(2, 1, 3)


def _terms(convolution, pull):
    features = torch.ones(1, 2, 6, 6, 6)
    made = convolution(features)
    return made.abs().mean(), pull * made.mean()


@pytest.mark.parametrize(("pull", "expected"), [(4.0, 0.25), (2.0, 0.5), (0.5, 1.0), (0.0, 1.0)])
def test_the_adaptive_weight_makes_a_strong_critic_pull_as_the_l1_term(
    last_convolution, pull, expected
):
    # both terms have the same gradient here, up to its sign and `pull`
    terms = _terms(last_convolution, pull)
    weight = adaptive_weight(*terms, last_convolution.weight)
    assert weight.item() == pytest.approx(expected, rel=1e-3)
    assert not weight.requires_grad
    (terms[0] + weight * terms[1]).backward()  # the graph is still there
    assert last_convolution.weight.grad is not None


def test_the_adaptive_weight_does_not_depend_on_the_scale_and_shows_what_is_not_finite(
    last_convolution,
):
    terms = _terms(last_convolution, 4.0)
    plain = adaptive_weight(*terms, last_convolution.weight)
    scaled = adaptive_weight(*terms, last_convolution.weight, scale=2.0**16)
    assert scaled.item() == pytest.approx(plain.item(), rel=1e-5)
    broken = adaptive_weight(terms[0] * torch.nan, terms[1], last_convolution.weight)
    assert not broken.isfinite()


def test_feature_matching_waits_for_the_critic_unless_it_counts_from_the_start():
    waiting = AdversarialSchedule(start=0.5, warm_up=0.1, ramp=0.2)
    released = waiting.model_copy(update={"feature_matching": "from-start"})
    at = [0, 49, 50, 59, 60, 70, 80, 99]
    paper = [strength_at(waiting, step, 100) for step in at]
    assert [one.critic_learns for one in paper] == [step >= 50 for step in at]
    assert [one.adversarial for one in paper] == [0, 0, 0, 0, 0, 0.5, 1, 1]
    assert [one.feature_matching for one in paper] == [one.adversarial for one in paper]
    early = [strength_at(released, step, 100) for step in at]
    assert [one.feature_matching for one in early] == [1.0] * len(at)
    assert [one.adversarial for one in early] == [one.adversarial for one in paper]
    assert [one.critic_learns for one in early] == [one.critic_learns for one in paper]


def _with_gradient(values):
    module = nn.Linear(len(values), 1, bias=False)
    module.weight.grad = torch.tensor([values])
    return module, torch.optim.SGD(module.parameters())


@pytest.mark.parametrize(
    ("clipping", "expected"),
    [("norm", [0.6, -0.8, 0.0]), ("value", [1.0, -1.0, 0.0])],
)
def test_clipping_by_value_turns_the_gradient(clipping, expected):
    module, optimiser = _with_gradient([3.0, -4.0, 0.0])
    norm = clip_gradients(Fabric(accelerator="cpu"), module, optimiser, clipping, 1.0)
    assert norm.item() == pytest.approx(5)
    np.testing.assert_allclose(module.weight.grad[0].tolist(), expected, rtol=1e-5)


@pytest.mark.parametrize("clipping", ["norm", "value"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_clipping_tells_of_gradients_that_are_not_finite(clipping, value):
    module, optimiser = _with_gradient([1.0, value])
    norm = clip_gradients(Fabric(accelerator="cpu"), module, optimiser, clipping, 1.0)
    assert not norm.isfinite()


def _volumes_of_their_index(edge):
    """Return a volume (1, 3, edge, edge, edge) whose channels hold the place along S, A and R."""
    grid = torch.meshgrid(*[torch.arange(float(edge))] * 3, indexing="ij")
    return torch.stack(grid)[None]


@pytest.mark.parametrize(("planes", "across"), [("axial", 0), ("coronal", 1), ("sagittal", 2)])
def test_released_slices_are_of_one_plane_and_from_the_middle_whatever_they_hold(planes, across):
    edge = 64
    features = SliceFeatures("none", "", [nn.Identity()], (0.5,) * 3, (0.5,) * 3)
    loss = PerceptualLoss(features, 6, planes=planes, depths=RELEASED_DEPTHS)
    foreground = torch.zeros(1, 1, edge, edge, edge, dtype=torch.bool)
    foreground[..., :3, :3, :3] = True  # would be the only place to look at otherwise
    volume = _volumes_of_their_index(edge)
    drawn = [
        loss.draw(volume, torch.Generator().manual_seed(seed), foreground) for seed in range(100)
    ]
    assert {axis for one in drawn for axis in one.axes} == {2 + across}
    found = torch.cat([one.positions for one in drawn]).flatten().unique()
    assert found.tolist() == list(range(15, 49))  # 30 to 98 of 128, at half the resolution

    ours = PerceptualLoss(features, 6)
    within = ours.draw(volume, torch.Generator().manual_seed(0), foreground)
    assert sorted(within.axes) == [2, 2, 3, 3, 4, 4]
    assert within.positions.max() < 3


def test_drawn_slices_of_parts_add_up_to_the_whole_batch():
    features = SliceFeatures("none", "", [nn.Identity()], (0.5,) * 3, (0.5,) * 3)
    loss = PerceptualLoss(features, 3)
    g = torch.Generator().manual_seed(0)
    x, y = (torch.rand(4, 1, 32, 32, 32, generator=g) for _ in range(2))
    drawn = loss.draw(y, torch.Generator().manual_seed(1))
    whole = loss(x, y, torch.Generator().manual_seed(1))
    assert isinstance(drawn, DrawnSlices)
    parts = [
        loss(x[n : n + 2], y[n : n + 2], drawn=drawn.of_samples(n, n + 2)).item() for n in (0, 2)
    ]
    assert whole.item() == pytest.approx(np.mean(parts), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (PerceptualChoice, {"depths": (0.7, 0.2)}, "smaller than the second"),
        (TokenTraining, {"mask_selection": "released"}, 'for masking "hybrid"'),
        (
            TokenTraining,
            {"mask_selection": "released", "masking": "hybrid", "sided": "double"},
            'for sided "single"',
        ),
    ],
)
def test_switches_that_contradict_each_other_are_refused(model, settings, words):
    with pytest.raises(ValidationError, match=words):
        model(**settings)
