"""How many bytes a step of training holds at a time, followed on tensors without content.

Torch's fake tensors know shape, type and storage but hold no data: a whole step with its backward
pass takes no memory and a fraction of a second, and what it would hold is seen as storages come
and go. What libraries take inside one operation (cuDNN's and oneDNN's workspaces) is not seen.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from napari_tumor_synth.networks.blocks import UpsampleTwice
from napari_tumor_synth.training.memory_estimate import Moment

# A batch of one has ambiguous strides: layouts, and with them copies, may differ from larger ones.
_TRACED_BATCHES = (2, 3)


class WithoutContent(FakeTensorMode):  # type: ignore[no-untyped-call]
    """While this is entered, tensors have no content, and the bytes they would hold are followed.

    Attributes
    ----------
    now : int
        Bytes of all storages that live.
    course : list of int
        The bytes after each operation so far.
    """

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.now = 0
        self.course: list[int] = []
        self._inside = False
        self._living: dict[int, object] = {}

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
        self.course.append(self.now)
        return made

    def _notice(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._living:
            return

        def forget(_: object) -> None:
            del self._living[key]
            self.now -= size

        self._living[key] = weakref.ref(storage, forget)
        self.now += size


def moments_of(
    step: Callable[[int], object], held: WithoutContent, batch: int
) -> tuple[Moment, ...]:
    """Return the moments of a step that can be its fullest, for micro-batches of 1 to `batch`.

    Parameters
    ----------
    step : callable
        Takes the step with a micro-batch of the given number of ROIs. What it leaves behind must
        be the same each time.
    held : HeldBytes
        Within which this is called.
    batch : int
        Largest micro-batch.
    """
    first, second = (_course(step, held, size) for size in _TRACED_BATCHES)
    if len(first) != len(second):  # other operations for another batch: peaks can be compared
        first, second = [max(first)], [max(second)]
    smaller, larger = _TRACED_BATCHES
    lines = set()
    for less, more in zip(first, second, strict=True):
        each = max(0, (more - less) // (larger - smaller))
        lines.add(Moment(less - smaller * each, each))
    return _highest(list(lines), batch)


def _course(step: Callable[[int], object], held: WithoutContent, size: int) -> list[int]:
    held.course = []
    step(size)
    return held.course


def _highest(lines: Sequence[Moment], batch: int) -> tuple[Moment, ...]:
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
