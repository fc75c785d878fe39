"""A step's batch, shared among processes and cut into parts that fit into memory."""

import torch

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.networks.ranks import summed_over_ranks


def own_share(batch: int, processes: int, rank: int) -> slice:
    """Return which of a step's ROIs a process takes.

    Raises
    ------
    TrainingError
        The batch cannot be shared evenly.
    """
    if batch % processes:
        raise TrainingError(
            f"A batch of {batch} ROIs cannot be shared evenly among {processes} devices.",
            f"Train on fewer devices, or set the recipe's batches to a multiple of {processes}.",
        )
    each = batch // processes
    return slice(rank * each, (rank + 1) * each)


def parts_of(count: int, largest: int | None) -> list[slice]:
    """Cut `count` ROIs into parts of nearly the same size, at most `largest` each.

    Parameters
    ----------
    count : int
        ROIs.
    largest : int, optional
        None keeps them together.
    """
    parts = 1 if largest is None else -(-count // max(1, largest))
    sizes = [len(part) for part in torch.arange(count).tensor_split(parts)]
    starts = [sum(sizes[:number]) for number in range(parts)]
    return [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def any_process(is_so: bool, device: torch.device) -> bool:
    """Tell whether something is so in any of the processes."""
    return bool(summed_over_ranks(torch.tensor(float(is_so), device=device)) > 0)
