"""Two-dimensional networks as feature extractors."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_tumor_synth.evaluation.features.extractor import Image, View
from napari_tumor_synth.evaluation.features.slices import (
    TUMOUR_SLICES,
    SliceSelection,
    slices_of,
)
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.efficientnet_lite import (
    FEATURES,
    MEAN,
    STD,
    load_efficientnet_lite0,
)
from napari_tumor_synth.imaging.contact_sheet import PLANES

SIZE = 128
"""Edge in pixels that slices are brought to."""
_BATCH = 64  # slices that are in the network together


class SliceNetwork:
    """A network of coloured images, which sees each sequence as a grey image.

    Parameters
    ----------
    name, weights : str
        Of the network, and what its weights are, for the description.
    sha256 : str
    network : callable
        From (k, 3, 128, 128) to features (k, d).
    mean, std : tuple of float
        What it subtracts from, and divides, colours in [0, 1] by.
    device : torch.device
    selection : SliceSelection
    """

    views: tuple[View, ...] = PLANES

    def __init__(
        self,
        name: str,
        weights: str,
        sha256: str,
        network: Callable[[Tensor], Tensor],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        device: torch.device,
        selection: SliceSelection = TUMOUR_SLICES,
    ) -> None:
        self.name, self.sha256, self.sees = name, sha256, str(selection)
        self.description = (
            f"{name} ({weights}), globally averaged last feature map; {selection}; radiological "
            f"display; bilinear to {SIZE} x {SIZE}, [-1, 1] mapped to [0, 1] whatever the set; "
            "sequences one after the other"
        )
        self._network, self._device, self._selection = network, device, selection
        self._mean, self._std = (
            torch.tensor(values, device=device)[:, None, None] for values in (mean, std)
        )

    def extract(self, image: Image, view: View) -> NDArray[np.float32]:
        """Return the features of the slices (k, C * d) of an ROI in a plane."""
        if view == "volume":
            raise ValueError("a network of slices sees no volume")
        slices = torch.from_numpy(slices_of(image, view, self._selection)).to(self._device)
        count, channels = slices.shape[:2]
        grey = slices.reshape(count * channels, 1, *slices.shape[2:])
        sized = functional.interpolate(
            grey, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True
        )
        colours = ((sized + 1) / 2).expand(-1, 3, -1, -1)
        with torch.inference_mode():
            found = torch.cat(
                [
                    self._network((batch - self._mean) / self._std).float().cpu()
                    for batch in torch.split(colours, _BATCH)
                ]
            )
        features: NDArray[np.float32] = found.numpy().reshape(count, -1)
        return features


def efficientnet_lite0(
    device: torch.device, selection: SliceSelection = TUMOUR_SLICES
) -> SliceNetwork:
    """Return EfficientNet-Lite0 with its ImageNet weights, which come with the program.

    Raises
    ------
    InputError
        They are missing or damaged.
    """
    network, path = load_efficientnet_lite0()
    network.to(device)

    def features(colours: Tensor) -> Tensor:
        pooled: Tensor = network.extract_features(colours).mean(dim=(2, 3))
        assert pooled.shape[1] == FEATURES
        return pooled

    return SliceNetwork(
        "EfficientNet-Lite0", "ImageNet weights", sha256_of_file(path), features, MEAN, STD, device,
        selection,
    )  # fmt: skip
