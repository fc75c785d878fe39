"""Exponential moving averages of weights: what is looked at and kept, beside what is trained.

Polyak and Juditsky 1992; with the growing decay of TensorFlow's `ExponentialMovingAverage`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """The average of a module's weights over the last steps.

    Parameters are averaged. Buffers (running statistics, codebooks, which are averages already)
    are those of the module.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained.
    decay : float
        In (0, 1): about ``1 / (1 - decay)`` steps count. After n steps it is at most
        ``(1 + n) / (10 + n)``, so that the first weights are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._model = AveragedModel(module, multi_avg_fn=self._average)
        self._model.requires_grad_(False)

    @property
    def module(self) -> Any:
        """The module with averaged weights."""
        return self._model.module

    def update(self, module: nn.Module) -> None:
        """Take in the weights after a step."""
        self._model.update_parameters(module)

    def state_dict(self) -> dict[str, Any]:
        """Return weights and the number of updates."""
        return self._model.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self._model.load_state_dict(state)

    @torch.no_grad()
    def _average(self, averages: Any, current: Any, updates: Tensor | int) -> None:
        count = int(updates)
        decay = min(self.decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(averages, current, 1 - decay)
