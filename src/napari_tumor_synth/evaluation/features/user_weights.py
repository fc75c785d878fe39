"""Networks whose weights the user brings: MedicalNet and RadImageNet ResNets."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import resnet
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor
from napari_tumor_synth.evaluation.features.slice_network import SliceNetwork
from napari_tumor_synth.evaluation.features.volume_network import VolumeNetwork
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.weights_files import fill, read_weights

_DEPTHS: Mapping[int, Callable[..., nn.Module]] = {
    10: resnet.resnet10,
    18: resnet.resnet18,
    34: resnet.resnet34,
    50: resnet.resnet50,
}
_NAMED = re.compile(r"resnet(10|18|34|50)-([23])d")
_PARALLEL = "module."  # in names of weights that were saved from several GPUs
_HEAD = ("fc.", "conv_seg.")  # what classifies or segments is no feature


def user_network(name: str, path: Path, sha256: str, device: torch.device) -> FeatureExtractor:
    """Return a ResNet with weights from a file.

    Parameters
    ----------
    name : str
        ``resnet10-3d`` to ``resnet50-3d`` (MedicalNet's, in MONAI's names) or ``resnet50-2d``
        (of images with three colours, scaled to [0, 1]).
    path : Path
        ``.safetensors`` or a state dict of `torch.save`.
    sha256 : str
        That the file must have; weights decide every figure, and names do not name them.
    device : torch.device

    Raises
    ------
    InputError
        No such network, or another file than named.
    """
    named = _NAMED.fullmatch(name)
    if named is None:
        raise InputError(
            f"There is no network {name!r}.",
            "Choose resnet10-3d, resnet18-3d, resnet34-3d, resnet50-3d or resnet50-2d.",
        )
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Name the file of weights.")
    found = sha256_of_file(path)
    if found != sha256.lower():
        raise InputError(
            f"{path} has the SHA-256 {found}, not {sha256 or 'one that was named'}.",
            "Name the hash of the file that you trust: FILE:SHA256.",
        )
    depth, dimensions = int(named[1]), int(named[2])
    network = _network(depth, dimensions, path).to(device).eval()

    def features(given: Tensor) -> Tensor:
        hidden = network.act(network.bn1(network.conv1(given)))
        hidden = network.layer1(network.maxpool(hidden))
        deep: Tensor = network.layer4(network.layer3(network.layer2(hidden)))
        return deep

    weights = f"weights of {path.name}, SHA-256 {found[:12]}"
    if dimensions == 3:
        return VolumeNetwork(name, weights, found, features, device)
    return SliceNetwork(
        name, weights, found, lambda given: features(given).mean(dim=(2, 3)),
        (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), device,
    )  # fmt: skip


def _network(depth: int, dimensions: int, path: Path) -> Any:
    network = _DEPTHS[depth](
        pretrained=False,
        spatial_dims=dimensions,
        n_input_channels=1 if dimensions == 3 else 3,
        feed_forward=False,
        # MedicalNet's; RadImageNet's are those of torchvision
        shortcut_type="A" if dimensions == 3 and depth in (18, 34) else "B",
        bias_downsample=False,
        conv1_t_stride=2,
    )
    weights = {
        key.removeprefix(_PARALLEL): value
        for key, value in read_weights(path).items()
        if not key.removeprefix(_PARALLEL).startswith(_HEAD)
    }
    fill(network, weights, path, "Give weights in MONAI's names of this very network.")
    return network
