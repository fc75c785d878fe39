"""How many bytes a step of training holds at a time, followed on tensors without content.

Torch's fake tensors know shape, type and storage but hold no data: a whole step with its backward
pass takes no memory and a fraction of a second, and what it would hold is seen as storages come
and go. What libraries take inside one operation (cuDNN's and oneDNN's workspaces) is not seen.
"""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from napari_tumor_synth.networks.blocks import UpsampleTwice
from napari_tumor_synth.training.memory.estimate import Moment

_TRACED_BATCH = 13
"""A prime: in a step, sizes that it divides are those that grow with the micro-batch.

(Where a network has a width of 13 or 26, some copies of its weights count as growing, too.)
"""


class WithoutContent(FakeTensorMode):  # type: ignore[no-untyped-call]
    """While this is entered, tensors have no content, and the bytes they would hold are followed.

    Attributes
    ----------
    fixed, growing : int
        Bytes of all storages that live; `growing` are those that a step's micro-batch multiplies.
    course : list of (int, int)
        The two after each operation of the step.
    """

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.fixed = self.growing = 0
        self.course: list[tuple[int, int]] = []
        self._in_step = self._inside = False
        self._living: dict[int, object] = {}

    def follow(self, step: Callable[[int], object]) -> list[tuple[int, int]]:
        """Take a step with some micro-batch, and return its course."""
        self.course = []
        self._in_step = True
        try:
            step(_TRACED_BATCH)
        finally:
            self._in_step = False
        return self.course

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._inside or func.namespace == "prim":  # asks a tensor for its device
            return super().__torch_dispatch__(func, types, args, kwargs)
        self._inside = True  # shapes of some operations are found by others, which hold nothing
        try:
            made = super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            self._inside = False
        for value in made if isinstance(made, list | tuple) else (made,):
            if isinstance(value, Tensor):
                self._notice(value.untyped_storage())
        if self._in_step:
            self.course.append((self.fixed, self.growing))
        return made

    def _notice(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._living:
            return
        kind = "growing" if self._in_step and size % _TRACED_BATCH == 0 else "fixed"

        def forget(_: object) -> None:
            del self._living[key]
            setattr(self, kind, getattr(self, kind) - size)

        self._living[key] = weakref.ref(storage, forget)
        setattr(self, kind, getattr(self, kind) + size)


def moments_of(
    step: Callable[[int], object], held: WithoutContent, batch: int
) -> tuple[Moment, ...]:
    """Return the moments of a step that can be its fullest, for micro-batches of 1 to `batch`.

    Parameters
    ----------
    step : callable
        Takes the step with a micro-batch of the given number of ROIs.
    held : WithoutContent
        Within which this is called.
    batch : int
        Largest micro-batch.
    """
    lines = {Moment(fixed, growing // _TRACED_BATCH) for fixed, growing in held.follow(step)}
    winners = {max(lines, key=lambda line: line.at(size)) for size in range(1, batch + 1)}
    return tuple(sorted(winners, key=lambda line: line.bytes_per_roi))


def widen_as_on_gpu(network: nn.Module) -> None:
    """Let autocast on the processor leave in float32 what it leaves so on a GPU.

    Norms over channels and upsampling stay in low precision on a processor, where they hold half as
    much (torch's list of operations: ``ATen/autocast_mode.h``).
    """
    for part in network.modules():
        if isinstance(part, nn.LayerNorm | nn.GroupNorm | UpsampleTwice):
            part.register_forward_pre_hook(_widened)


def _widened(part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.float() if torch.is_autocast_enabled("cpu") else x for x in inputs)
