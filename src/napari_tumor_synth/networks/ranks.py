"""Statistics across the processes of a distributed run; nothing happens in a single process."""

import torch
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


def place_among_ranks(count: int, device: torch.device) -> tuple[int, int]:
    """Return where this rank's things begin in the row of all ranks' things, and its length.

    Parameters
    ----------
    count : int
        Things that this rank has.
    device : torch.device
        Where the ranks talk.
    """
    if not _distributed():
        return 0, count
    counts = torch.zeros(dist.get_world_size(), dtype=torch.int64, device=device)
    counts[dist.get_rank()] = count
    counts = summed_over_ranks(counts)
    return int(counts[: dist.get_rank()].sum()), int(counts.sum())
