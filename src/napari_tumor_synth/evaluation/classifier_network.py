"""The network of the classifier, and the settings that determine it.

.. [1] He et al., Deep Residual Learning for Image Recognition, 2016; in three dimensions as in
   Hara et al., Learning spatio-temporal features with 3D residual networks, 2017.
"""

from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn


class ClassifierSettings(BaseModel):
    """Network and training of the classifier.

    Attributes
    ----------
    widen : float
        Width as a multiple of ResNet-10's (64 to 512 channels) [1]_; 0.25 has 0.9 M parameters.
    epochs, batch : int
        Passes over the training split and ROIs a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises over the first twentieth of the steps and falls to 0 by a cosine.
    label_smoothing : float
        Of the cross-entropy, which also weighs each class by one over its frequency.
    blur : float
        Half of the ROIs are blurred by up to this many voxels (standard deviation), so that what
        is learned is texture that survives an autoencoder's loss of the finest detail.
    seed : int
        Decides the first weights, the order and the augmentation.
    bfloat16 : bool
        Train in mixed precision where ROIs have 48 voxels or more along each axis.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widen: Annotated[float, Field(gt=0, le=1)] = 0.25
    epochs: Annotated[int, Field(ge=1)] = 20
    batch: Annotated[int, Field(ge=2)] = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    blur: Annotated[float, Field(ge=0, le=2)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    bfloat16: bool = True


def build_network(
    settings: ClassifierSettings, channels: int, classes: int, generator: torch.Generator
) -> nn.Module:
    """Build a 3D ResNet-10 [1]_ whose weights are drawn from the generator alone."""
    from monai.networks.nets.resnet import resnet10  # takes a second to import

    with torch.random.fork_rng(devices=[]):  # building draws default weights
        network: nn.Module = resnet10(
            spatial_dims=3,
            n_input_channels=channels,
            num_classes=classes,
            widen_factor=settings.widen,
            conv1_t_stride=2,
            no_max_pool=True,
            shortcut_type="B",
            bias_downsample=False,
        )
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.Linear):
            _draw_weights(module, generator)
    return network


def _draw_weights(module: nn.Conv3d | nn.Linear, generator: torch.Generator) -> None:
    bias: Tensor | None = module.bias
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    if bias is not None:
        nn.init.zeros_(bias)
