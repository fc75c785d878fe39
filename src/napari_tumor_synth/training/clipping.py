"""Gradients that are too long are shortened, in one of two ways."""

from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor


def clip_gradients(
    fabric: Fabric, module: Any, optimiser: Any, clipping: Literal["norm", "value"], limit: float
) -> Tensor | None:
    """Clip the gradients of a module in place; return their norm before, where it is known.

    Parameters
    ----------
    fabric : Fabric
        Which set up `module` and `optimiser`.
    clipping : {"norm", "value"}
        Scale the whole gradient down to a norm of `limit`, which keeps its direction, or cut every
        element off at `limit`, which does not.
    limit : float
        Largest norm, or largest size of an element.

    Returns
    -------
    torch.Tensor or None
        Not finite if an element is not. With a gradient scaler and ``"value"`` it is the norm of
        the scaled gradient.
    """
    if clipping == "norm":
        norm = fabric.clip_gradients(module, optimiser, max_norm=limit, error_if_nonfinite=False)
    else:  # cutting off would turn infinity into a number like any other: measured before
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        fabric.clip_gradients(module, optimiser, clip_val=limit)
    return norm
