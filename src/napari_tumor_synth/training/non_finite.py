"""Numbers that are not finite end a step before they do damage, and are named."""

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_tumor_synth.training.micro_batches import any_process


class NotFinite(Exception):  # noqa: N818 - the step is skipped; a run of such steps is the error
    """A loss or gradient is not finite; its text says which."""


def require_finite(terms: Mapping[str, Tensor], device: torch.device) -> None:
    """Make sure that the losses of a step are finite in every process.

    Parameters
    ----------
    terms : mapping of str to torch.Tensor
        Scalars by name.
    device : torch.device
        Where processes talk.

    Raises
    ------
    NotFinite
        Names all that are not.
    """
    wrong = [
        f"the loss {name} is {float(value.detach()):g}"
        for name, value in terms.items()
        if not bool(value.isfinite())
    ]
    if any_process(bool(wrong), device):
        raise NotFinite(" and ".join(wrong) or "a loss of another process is not finite")
