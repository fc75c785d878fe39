"""Which feature extractors an evaluation uses, by the names that a user gives."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor
from napari_tumor_synth.evaluation.features.slice_network import efficientnet_lite0
from napari_tumor_synth.evaluation.features.user_weights import user_network
from napari_tumor_synth.evaluation.features.volume_network import random_network, vqgan_encoder
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.workflows.generate import open_generator

DEFAULT = ("efficientnet-lite0", "random")
_BUILT_IN: dict[str, Callable[[torch.device], FeatureExtractor]] = {
    "efficientnet-lite0": efficientnet_lite0,
    "random": random_network,
}


def open_extractors(names: Sequence[str], device: str = "auto") -> list[FeatureExtractor]:
    """Return extractors by name.

    Parameters
    ----------
    names : sequence of str
        ``efficientnet-lite0``, ``random``, ``vqgan:MODEL`` (a model of the catalogue, or a file) or
        ``resnet50-3d:FILE:SHA256`` and its like; see `user_network`.
    device : str

    Raises
    ------
    InputError
        There is none of this name, or its weights are missing, damaged or others.
    """
    return [_open(name, device) for name in dict.fromkeys(names)]


def _open(name: str, device: str) -> FeatureExtractor:
    if name in _BUILT_IN:
        return _BUILT_IN[name](choose_device(device))
    kind, _, rest = name.partition(":")
    if kind == "vqgan":
        generator = open_generator(rest or None, device)
        if not isinstance(generator, VqganGenerator):
            raise InputError(
                f"{generator.name} is no VQGAN.", "Choose another model, or another extractor."
            )
        return vqgan_encoder(generator)
    if kind.startswith("resnet"):
        path, _, sha256 = rest.rpartition(":")
        if not path:
            path, sha256 = rest, ""
        return user_network(kind, Path(path), sha256, choose_device(device))
    raise InputError(
        f"There is no feature extractor {name!r}.",
        f"Choose among {', '.join(_BUILT_IN)}, vqgan:MODEL and resnet50-3d:FILE:SHA256.",
    )
