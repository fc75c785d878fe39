"""Seeds of samples: which there are, and how a few are taken at a time."""

from collections.abc import Iterator, Sequence

from napari_tumor_synth.errors import InputError

MAX_SEED = 2**32 - 1
"""torch's generator on the processor looks at 32 bits: seeds beyond would repeat others."""
BATCH_WIDTH = 8
"""Samples drawn together, where that is not slower than one at a time."""


def require_in_range(seeds: Sequence[int]) -> None:
    """Make sure that all seeds can be used.

    Raises
    ------
    InputError
        One is negative or too large.
    """
    for seed in (min(seeds, default=0), max(seeds, default=0)):
        if not 0 <= seed <= MAX_SEED:
            raise InputError(
                f"The seed {seed} is out of range.", f"Use whole numbers from 0 to {MAX_SEED}."
            )


def in_batches(seeds: Sequence[int], width: int = BATCH_WIDTH) -> Iterator[Sequence[int]]:
    """Yield the seeds, at most `width` at a time."""
    for first in range(0, len(seeds), width):
        yield seeds[first : first + width]
