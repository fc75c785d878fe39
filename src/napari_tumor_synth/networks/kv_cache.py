"""Keys and values of the tokens so far, so that the next one costs one position only."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from napari_tumor_synth.errors import InputError


class Cache:
    """Memory of a causal transformer, filled from the front.

    Attributes
    ----------
    batch : int
        Samples that it was made for.
    length : int
        Positions that fit.
    position : int
        Positions filled so far; setting it back forgets those beyond.
    """

    batch: int
    length: int
    position: int

    def require_space(self, batch: int, count: int = 1) -> None:
        """Raise InputError if the next `count` positions of `batch` samples do not fit."""
        if batch != self.batch or self.position + count > self.length:
            raise InputError(
                f"A cache for {self.batch} sample(s) of {self.length} tokens cannot take token "
                f"{self.position + count} of {batch} sample(s).",
                "Make a new cache for each batch of samples.",
            )


@dataclass
class KeyValueCache(Cache):
    """Preallocated keys and values of a `TokenTransformer`.

    Attributes
    ----------
    memory : Tensor
        (layers, 2, B, heads, length, head width); keys and values.
    positions : Tensor
        (length, width); position vectors, which do not change while sampling.
    """

    memory: Tensor
    positions: Tensor
    position: int = 0
    layers: list[tuple[Tensor, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.layers = [(keys, values) for keys, values in self.memory]
        self.batch, self.length = self.memory.shape[2], self.memory.shape[4]

    @classmethod
    def empty(
        cls,
        *,
        layers: int,
        batch: int,
        heads: int,
        length: int,
        head_width: int,
        positions: Tensor,
        dtype: torch.dtype,
    ) -> "KeyValueCache":
        """Return a cache with nothing in it."""
        shape = (layers, 2, batch, heads, length, head_width)
        return cls(torch.zeros(shape, dtype=dtype, device=positions.device), positions)
