"""Frozen image networks whose features compare slices. Nothing is ever downloaded.

.. [1] Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition,
   2015.
.. [2] Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016.
.. [3] Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019;
   the Lite variants leave out squeeze-and-excitation and use ReLU6.
"""

from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.efficientnet_lite import MEAN, STD, load_efficientnet_lite0
from napari_tumor_synth.generators.weights_files import fill, read_weights

BackboneName = Literal["efficientnet-lite0", "vgg16"]


class SliceFeatures(nn.Module):
    """A frozen network that turns slices into features of several depths.

    Parameters
    ----------
    name : str
        Name of the network.
    sha256 : str
        Of the file its weights come from.
    blocks : iterable of torch.nn.Module
        Parts of the network in order; the output of each is a feature.
    mean, std : tuple of float
        What the network subtracts from, and divides, colours in [0, 1] by.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        sha256: str,
        blocks: list[nn.Module],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.name = name
        self.sha256 = sha256
        self.blocks = nn.ModuleList(blocks)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])
        self.requires_grad_(requires_grad=False)
        self.eval()

    def train(self, mode: bool = True) -> "SliceFeatures":
        """Stay in evaluation mode: batch statistics are part of the frozen network."""
        return super().train(mode=False)

    def forward(self, slices: Tensor) -> list[Tensor]:
        """Return the features of grey slices ``(N, 1, height, width)`` in [-1, 1].

        Each feature is ``(N, channels, height / stride, width / stride)``.
        """
        hidden = ((slices + 1) / 2 - self.mean) / self.std
        features = []
        for block in self.blocks:
            hidden = block(hidden)
            features.append(hidden)
        return features


def load_backbone(name: BackboneName, weights_file: str | Path = "") -> SliceFeatures:
    """Load a backbone from this machine.

    Parameters
    ----------
    name : {"efficientnet-lite0", "vgg16"}
        EfficientNet-Lite0 [3]_ comes with the installed packages. VGG16 [1]_ comes from a file.
    weights_file : path
        For VGG16: state dict with torchvision's names (``features.0.weight``, ...), as
        ``.safetensors`` or as a file of `torch.save`, which is read without running code.

    Raises
    ------
    InputError
        The file is missing, damaged, or does not hold that network.
    """
    if name == "efficientnet-lite0":
        return _efficientnet_lite0()
    if not str(weights_file):
        raise InputError(
            "The perceptual backbone vgg16 needs a file of weights.",
            "Name torchvision's VGG16 weights as weights_file, or choose efficientnet-lite0.",
        )
    return _vgg16(Path(weights_file))


def _efficientnet_lite0() -> SliceFeatures:
    network, path = load_efficientnet_lite0()
    stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
    blocks = list(network._blocks)
    stages = [[stem, *blocks[:1]], blocks[1:3], blocks[3:5], blocks[5:11]]  # strides 2, 4, 8, 16
    parts: list[nn.Module] = [nn.Sequential(*stage) for stage in stages]
    return SliceFeatures("efficientnet-lite0", sha256_of_file(path), parts, MEAN, STD)


_VGG16_STAGES = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512))


def _vgg16(path: Path) -> SliceFeatures:
    """Build VGG16 up to relu4_3; features at relu1_2, 2_2, 3_3 and 4_3 as in [2]_."""
    layers: list[nn.Module] = []
    ends = []
    for widths in _VGG16_STAGES:
        if layers:
            layers.append(nn.MaxPool2d(2))
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        ends.append(len(layers))
    trunk = nn.Sequential(*layers)
    weights = {key.removeprefix("features."): value for key, value in read_weights(path).items()}
    known = {key: weights[key] for key in trunk.state_dict() if key in weights}
    fill(trunk, known, path, "Give the state dict of torchvision's VGG16.")
    parts = [trunk[start:end] for start, end in pairwise([0, *ends])]
    imagenet_mean, imagenet_std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return SliceFeatures("vgg16", sha256_of_file(path), parts, imagenet_mean, imagenet_std)
