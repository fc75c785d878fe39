"""Steps of an optimiser that leave no damage behind when a number is not finite."""

from collections.abc import Mapping
from typing import Any, Literal

from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from napari_tumor_synth.training.clipping import clip_gradients


def take_step(
    fabric: Fabric,
    module: Any,
    optimiser: Any,
    limit: float,
    clipping: Literal["norm", "value"] = "norm",
) -> bool:
    """Clip the gradients and step, unless one is not finite; tell whether the step was taken.

    How to clip is said in `clip_gradients`. In float16 the scaler is told of a step that is not
    taken, and lowers its scale.
    """
    norm = clip_gradients(fabric, module, optimiser, clipping, limit)
    finite = norm is None or bool(norm.isfinite())
    has_scaler = getattr(fabric.strategy.precision, "scaler", None) is not None
    if finite or has_scaler:
        optimiser.step()
    return finite


def clear_gradients(optimiser: Any) -> None:
    """Forget all gradients."""
    optimiser.zero_grad(set_to_none=True)


class RunningStatistics:
    """The running means and variances of batch norms, to go back to after a step that failed.

    A forward pass updates them before any loss is known; one overflow would stay for good.
    """

    def __init__(self, *modules: nn.Module | None) -> None:
        self._before: list[tuple[Tensor, Tensor]] = [
            (buffer, buffer.clone())
            for module in modules
            if module is not None
            for norm in module.modules()
            if isinstance(norm, _BatchNorm)
            for buffer in norm.buffers()
        ]

    def restore(self) -> None:
        """Go back."""
        for buffer, before in self._before:
            buffer.copy_(before)


def load_scaler(fabric: Fabric, state: Mapping[str, Any]) -> None:
    """Go back to the gradient scaler of a state, if it had one and this device needs one."""
    if state.get("scaler") and getattr(fabric.strategy.precision, "scaler", None) is not None:
        fabric.strategy.precision.load_state_dict(state["scaler"])
