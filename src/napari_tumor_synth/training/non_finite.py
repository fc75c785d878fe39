"""Numbers that are not finite end a step before they do damage, and are named."""

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_tumor_synth.training.micro_batches import any_process

TOTAL = "loss"
"""Name of the sum of all losses."""


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
    wrong = {name: float(value.detach()) for name, value in terms.items() if not value.isfinite()}
    if len(wrong) > 1:
        wrong.pop(TOTAL, None)  # which is wrong because of the others
    named = [
        f"the {'total loss' if name == TOTAL else f'loss {name}'} is {value:g}"
        for name, value in wrong.items()
    ]
    if any_process(bool(named), device):
        raise NotFinite(" and ".join(named) or "a loss of another process is not finite")
