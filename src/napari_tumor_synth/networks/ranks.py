"""Statistics across the processes of a distributed run; nothing happens in a single process."""

import torch.distributed as dist
from torch import Tensor


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def summed_over_ranks(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all ranks."""
    if _distributed():
        tensor = tensor.contiguous()
        dist.all_reduce(tensor)
    return tensor


def from_first_rank(tensor: Tensor) -> Tensor:
    """Return the first rank's tensor on every rank."""
    if _distributed():
        tensor = tensor.contiguous()
        dist.broadcast(tensor, src=0)
    return tensor
