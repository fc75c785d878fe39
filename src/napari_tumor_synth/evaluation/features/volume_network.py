"""Three-dimensional networks as feature extractors."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import Image, View
from napari_tumor_synth.generators.vqgan import VqganGenerator

_WIDTHS = (16, 32, 64, 128)
_SEED = 20_240_101


class VolumeNetwork:
    """A network of whole ROIs.

    Parameters
    ----------
    name, description, sha256 : str
    network : callable
        From (1, C, S, A, R) in [-1, 1] to a feature map (1, d, s, a, r).
    device : torch.device
    channels : int or None
        Sequences that it takes; None: any number, one after the other.
    """

    views: tuple[View, ...] = ("volume",)
    sees = "whole ROIs"

    def __init__(
        self,
        name: str,
        description: str,
        sha256: str,
        network: Callable[[Tensor], Tensor],
        device: torch.device,
        channels: int | None = None,
    ) -> None:
        self.name, self.sha256 = name, sha256
        self.description = (
            f"{name} ({description}); mean and maximum of each channel of the feature map; whole "
            "ROIs in [-1, 1]"
        )
        self._network, self._device, self._channels = network, device, channels

    def extract(self, image: Image, view: View) -> NDArray[np.float32]:
        """Return the features (1, d) of an ROI."""
        if view != "volume":
            raise ValueError("a network of volumes sees no slices")
        whole = torch.from_numpy(np.ascontiguousarray(image, np.float32)).to(self._device)
        inputs = list(whole[None, :, None].unbind(1)) if self._channels is None else [whole[None]]
        with torch.inference_mode():
            maps = [self._network(given).float() for given in inputs]
        pooled = [part for one in maps for part in (one.mean((2, 3, 4)), one.amax((2, 3, 4)))]
        features: NDArray[np.float32] = torch.cat(pooled, dim=1).cpu().numpy()
        return features


def random_network(device: torch.device) -> VolumeNetwork:
    """Return a convolution network of fixed random weights, the same in every version of torch."""
    rng = np.random.default_rng(_SEED)
    digest = hashlib.sha256()
    layers: list[nn.Module] = []
    before = 1
    for width in _WIDTHS:
        weights = rng.standard_normal((width, before, 3, 3, 3)) * np.sqrt(2 / (27 * before))
        layer = nn.Conv3d(before, width, 3, stride=2, padding=1, bias=False)
        layer.weight.data = torch.from_numpy(weights.astype(np.float32))
        digest.update(weights.astype("<f4").tobytes())
        layers += [layer, nn.ReLU()]
        before = width
    network = nn.Sequential(*layers).eval().to(device)
    return VolumeNetwork(
        "random network",
        f"four convolutions with weights drawn by seed {_SEED}",
        digest.hexdigest(),
        network,
        device,
    )


def vqgan_encoder(generator: VqganGenerator) -> VolumeNetwork:
    """Return the encoder of a generator of our own, before its codes."""
    shape = (len(generator.sequences), *generator.size)

    def encode(image: Tensor) -> Tensor:
        if tuple(image.shape[1:]) != shape:
            raise InputError(
                f"{generator.name} sees ROIs of {' x '.join(map(str, shape))} voxels, not of "
                f"{' x '.join(map(str, image.shape[1:]))}.",
                "Choose a model of the set's grid and sequences, or another extractor.",
            )
        return generator.autoencoder.encode(image)

    return VolumeNetwork(
        f"encoder of {generator.name}",
        "3D-VQGAN, before quantisation",
        generator.sha256,
        encode,
        generator.device,
        channels=shape[0],
    )
