"""Single steps of a causal transformer, recorded once and replayed: for sampling on a GPU.

A step of one token is some hundred small kernels, and telling a GPU what to do takes longer than
doing it. A CUDA graph tells it all at once; for that, every step must do the same on the same
memory, so that it attends to all positions of the cache, those to come masked.
"""

import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from napari_tumor_synth.networks.kv_cache import KeyValueCache
from napari_tumor_synth.networks.transformer import Block, TokenTransformer
from napari_tumor_synth.networks.transformer_settings import TransformerSettings


@dataclass(eq=False)
class RecordedStep:
    """What a step reads and writes, always in the same places.

    Attributes
    ----------
    memory : KeyValueCache
        Of the samples that it is lent to.
    x : Tensor
        (B, 1, width): embedded tokens.
    at : Tensor
        (1,) int64: their position.
    hidden : Tensor
        (B, 1, width): what the next token is predicted from.
    replay : callable, optional
        Does the step; None before the first.
    """

    memory: KeyValueCache
    x: Tensor
    at: Tensor
    hidden: Tensor
    replay: Callable[[], None] | None = None


@dataclass
class RecordedCache(KeyValueCache):
    """A cache together with the steps that were recorded for it."""

    step: RecordedStep = field(kw_only=True)


class RecordedTransformer(TokenTransformer):
    """`TokenTransformer` for sampling: a step is replayed where the device can, and never trained.

    Recordings are kept for later samples: a cache that nobody holds any longer is lent again.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__(settings)
        self._idle: dict[tuple[int, torch.dtype | None], list[RecordedStep]] = {}

    def new_cache(self, batch: int, dtype: torch.dtype | None = None) -> RecordedCache:
        """Return an empty cache for `batch` samples."""
        idle = self._idle.setdefault((batch, dtype), [])
        step = idle.pop() if idle else self._new_step(batch, dtype)
        cache = RecordedCache(step.memory.memory, step.memory.positions, step=step)
        weakref.finalize(cache, idle.append, step)
        return cache

    def step(self, previous: Tensor, cache: KeyValueCache) -> Tensor:
        """Return the hidden state (B, width); see `TokenTransformer.step`."""
        if cache.position == 0 or not isinstance(cache, RecordedCache):
            return super().step(previous, cache)
        cache.require_space(len(previous))
        step = cache.step
        step.x.copy_(self._embedded(previous[:, None]) + cache.positions[cache.position])
        step.at.fill_(cache.position)
        if step.replay is None:
            step.replay = self._recorded(step)
        step.replay()
        cache.position += 1
        return step.hidden[:, 0].clone()

    def _new_step(self, batch: int, dtype: torch.dtype | None) -> RecordedStep:
        memory = super().new_cache(batch, dtype)
        x = torch.zeros(batch, 1, self.settings.width, dtype=self.head.weight.dtype)
        x, at = x.to(self.device), torch.zeros(1, dtype=torch.long, device=self.device)
        return RecordedStep(memory, x, at, x.clone())

    def _recorded(self, step: RecordedStep) -> Callable[[], None]:
        """Return what does a step again."""
        if self.device.type == "cuda":
            try:
                return self._graph(step)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                reason = str(error).splitlines()[0]
                warnings.warn(
                    f"This GPU cannot record steps ({reason}): sampling takes longer.", stacklevel=2
                )
        return lambda: self._do(step)

    def _graph(self, step: RecordedStep) -> Callable[[], None]:
        before, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(before)
        with torch.cuda.stream(aside):  # libraries prepare themselves in the first runs
            for _ in range(2):
                self._do(step)
        before.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._do(step)
        replay: Callable[[], None] = graph.replay
        return replay

    def _do(self, step: RecordedStep) -> None:
        x, at = step.x, step.at
        later = torch.arange(step.memory.length, device=at.device) > at
        for block, (keys, values) in zip(self.blocks, step.memory.layers, strict=True):
            assert isinstance(block, Block)
            x = block.step_at(x, keys, values, at, later)
        step.hidden.copy_(self.final_norm(x))
