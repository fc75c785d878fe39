"""Memory layout of networks."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def channels_last(network: Network) -> Network:
    """Lay the weights out for 3D convolutions over channels-last tensors, in place."""
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network
