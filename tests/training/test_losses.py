import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error
from torch.nn.functional import cross_entropy, log_softmax

from napari_tumor_synth.training.gradient_loss import gradient_loss
from napari_tumor_synth.training.losses import (
    adversarial_loss,
    classification_loss,
    feature_matching_loss,
    hinge_discriminator_loss,
    l1_loss,
    ramp,
)


@pytest.fixture
def pair():
    g = torch.Generator().manual_seed(0)
    return torch.rand(2, 1, 6, 5, 7, generator=g), torch.rand(2, 1, 6, 5, 7, generator=g)


def test_l1_is_the_mean_absolute_difference(pair):
    x, y = pair
    assert l1_loss(x, y).item() == pytest.approx(np.abs((x - y).numpy()).mean(), rel=1e-6)


def test_l1_weighs_the_foreground_and_is_normalised(pair):
    x, y = pair
    foreground = y > 0.7
    weights = np.where(foreground, 3.0, 1.0)
    errors = np.abs((x - y).numpy())
    expected = np.mean([np.average(e, weights=w) for e, w in zip(errors, weights, strict=True)])
    assert l1_loss(x, y, foreground, 3.0).item() == pytest.approx(expected, rel=1e-6)
    assert l1_loss(y + 0.25, y, foreground, 9.0).item() == pytest.approx(0.25, rel=1e-5)


def test_l1_of_a_batch_is_the_mean_of_its_parts(pair):
    # a small tumour counts as much as a large one, and parts of a batch give its gradient
    x, y = pair
    foreground = torch.zeros_like(y, dtype=torch.bool)
    foreground[0, :, :1], foreground[1, :, :4] = True, True
    parts = [l1_loss(x[n : n + 1], y[n : n + 1], foreground[n : n + 1], 3.0) for n in (0, 1)]
    assert l1_loss(x, y, foreground, 3.0).item() == pytest.approx(sum(parts).item() / 2, rel=1e-6)
    whole_batch = np.average(np.abs((x - y).numpy()), weights=np.where(foreground, 3.0, 1.0))
    assert l1_loss(x, y, foreground, 3.0).item() != pytest.approx(whole_batch, rel=1e-4)


def test_l1_accepts_one_mask_for_all_channels():
    image = torch.zeros(1, 2, 2, 2, 2)
    wrong = image.clone()
    wrong[:, :, 0] = 1.0
    mask = torch.zeros(1, 1, 2, 2, 2, dtype=torch.bool)
    mask[:, :, 0] = True
    assert l1_loss(wrong, image, mask, 3.0).item() == pytest.approx(3 / 4)


def test_gradient_loss_follows_equation_two_slice_by_slice(pair):
    x, y = (t.double().numpy() for t in pair)
    expected = 0.0
    for plane in (2, 3, 4):  # axial, coronal, sagittal slices
        for axis in {2, 3, 4} - {plane}:
            expected += mean_squared_error(np.diff(x, axis=axis), np.diff(y, axis=axis))
    assert gradient_loss(*pair).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_loss_sees_edges_but_no_offset():
    image = torch.zeros(1, 1, 8, 8, 8)
    assert gradient_loss(image + 0.5, image).item() == 0.0
    step = image.clone()
    step[..., 4:] = 1.0
    # one of the seven differences along R, in two planes
    assert gradient_loss(step, image).item() == pytest.approx(2 / 7)


def test_feature_matching_averages_within_and_then_over_layers_without_the_logits():
    real = [torch.zeros(2, 3, 4), torch.zeros(5), torch.zeros(2)]
    fake = [torch.full((2, 3, 4), 2.0), torch.full((5,), -1.0), torch.full((2,), 100.0)]
    for tensor in (*real, *fake):
        tensor.requires_grad_()
    loss = feature_matching_loss(fake, real)
    assert loss.item() == pytest.approx((2 + 1) / 2)
    loss.backward()
    assert all(layer.grad is None for layer in real)
    assert fake[0].grad is not None


def test_feature_matching_refuses_lists_of_different_length():
    with pytest.raises(ValueError, match="zip"):
        feature_matching_loss([torch.zeros(1)] * 3, [torch.zeros(1)] * 2)


def test_hinge_losses_take_the_standard_values():
    real, fake = torch.tensor([5.0, 0.0]), torch.tensor([5.0, -3.0])
    assert hinge_discriminator_loss(real, fake).item() == pytest.approx((0 + 1) / 2 + (6 + 0) / 2)
    assert adversarial_loss(fake).item() == pytest.approx(-1.0)


def test_the_released_hinge_is_half_of_equation_three():
    real, fake = torch.tensor([5.0, 0.0]), torch.tensor([5.0, -3.0])
    assert hinge_discriminator_loss(real, fake, 0.5).item() == pytest.approx((1 / 2 + 6 / 2) / 2)


def test_released_label_smoothing_keeps_a_sure_classifier_from_being_free():
    sure, right = torch.tensor([[20.0, 0.0]]), torch.tensor([0])
    assert classification_loss(sure, right).item() == pytest.approx(0, abs=1e-8)
    # a twentieth of the target lies on the other class, 20 nats away
    assert classification_loss(sure, right, 0.1).item() == pytest.approx(0.05 * 20, rel=1e-5)
    logits = torch.tensor([[0.3, -1.0], [2.0, 0.1]])
    classes = torch.tensor([1, 0])
    spread = -log_softmax(logits, 1).mean(1).mean()
    expected = 0.9 * cross_entropy(logits, classes) + 0.1 * spread
    assert classification_loss(logits, classes, 0.1).item() == pytest.approx(expected.item())


def test_ramp_grows_from_zero_to_one():
    assert [ramp(step, 10, 4) for step in (0, 10, 11, 12, 14, 99)] == [0, 0, 0.25, 0.5, 1, 1]
    assert [ramp(step, 10, 0) for step in (9, 10, 11)] == [0, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_are_float32_inside_mixed_precision(dtype):
    g = torch.Generator().manual_seed(1)
    x, y = (torch.rand(2, 1, 8, 8, 8, generator=g).to(dtype) for _ in range(2))
    full = x.float(), y.float()
    functions = [
        l1_loss,
        gradient_loss,
        lambda a, b: feature_matching_loss([a, b, a], real=[b, a, b]),
        hinge_discriminator_loss,
        lambda a, b: adversarial_loss(a),
    ]
    for function in functions:
        with torch.autocast("cpu", torch.bfloat16):
            mixed = function(x, y)
        assert mixed.dtype == torch.float32
        assert mixed.item() == function(*full).item()
