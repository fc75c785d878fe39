"""What a training will hold in memory, and how it is made to fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from napari_tumor_synth.errors import MemoryLimitError

USABLE_SHARE = 0.9
"""Of the free memory; the rest is for gaps between tensors and the libraries' workspaces."""
RESERVE = 200_000_000
"""Bytes that are left besides: compiled kernels, and gaps that are there however small tensors are
(`benchmarks/training_memory.py` shows by how much real steps exceed estimates)."""


@dataclass(frozen=True)
class Moment:
    """A moment of a step: bytes that do not depend on the micro-batch, and those of each ROI."""

    fixed_bytes: int
    bytes_per_roi: int

    def at(self, micro_batch: int) -> int:
        """Return the bytes held with a micro-batch."""
        return self.fixed_bytes + micro_batch * self.bytes_per_roi

    def smaller(self, share: float) -> "Moment":
        """Return the moment for patches with a share of the voxels."""
        return replace(self, bytes_per_roi=round(share * self.bytes_per_roi))

    def beside(self, others: int) -> "Moment":
        """Return the moment where other things hold so many bytes."""
        return replace(self, fixed_bytes=self.fixed_bytes + others)


@dataclass(frozen=True)
class MemoryNeed:
    """What a part of a training holds on the device.

    Attributes
    ----------
    stage : str
        Name of the stage.
    part : str
        Of the stage, e.g. "patches of 32 voxels".
    batch : int
        ROIs (or patches) of a step; micro-batches are never larger.
    fixed_bytes : int
        Held between steps: weights, gradients, moments of the optimisers.
    moments : sequence of Moment
        Moments of a step that can be the fullest, whatever the micro-batch.
    """

    stage: str
    part: str
    batch: int
    fixed_bytes: int
    moments: tuple[Moment, ...]

    @property
    def bytes_per_roi(self) -> int:
        """By how much the peak grows with each ROI of large micro-batches."""
        return max(moment.bytes_per_roi for moment in self.moments)

    def at(self, micro_batch: int) -> int:
        """Return the peak in bytes for micro-batches of at most so many ROIs."""
        size = min(micro_batch, self.batch)
        return max(moment.at(size) for moment in self.moments)

    def beside(self, others: int) -> "MemoryNeed":
        """Return the need where other things hold so many bytes all the time."""
        moments = tuple(moment.beside(others) for moment in self.moments)
        return replace(self, fixed_bytes=self.fixed_bytes + others, moments=moments)


@dataclass(frozen=True)
class Fit:
    """How a training fits into memory.

    Attributes
    ----------
    micro_batch : int
        ROIs that go through the networks at a time.
    checkpointed : bool
        Whether activations are computed again in the backward pass.
    bytes : int
        Estimated peak.
    free : int
        Bytes that were free.
    """

    micro_batch: int
    checkpointed: bool
    bytes: int
    free: int


def fit_into(
    needs_plain: Sequence[MemoryNeed],
    needs_checkpointed: Sequence[MemoryNeed],
    batch: int,
    free_bytes: int,
    mode: Literal["auto", "on", "off"] = "auto",
) -> Fit:
    """Return the largest micro-batch that fits into memory.

    Parameters
    ----------
    needs_plain, needs_checkpointed : sequence of MemoryNeed
        What has to fit, each by itself, with all activations kept and without.
    batch : int
        Largest micro-batch wanted.
    free_bytes : int
        Free memory of the device, of which `usable` may be used.
    mode : {"auto", "on", "off"}
        Whether to compute activations again; "auto" does where a single ROI does not fit otherwise.

    Raises
    ------
    MemoryLimitError
        Not even a single ROI fits.
    """
    ways = {
        "off": [(False, needs_plain)],
        "on": [(True, needs_checkpointed)],
        "auto": [(False, needs_plain), (True, needs_checkpointed)],
    }[mode]
    for checkpointed, needs in ways:
        for micro_batch in range(max(1, batch), 0, -1):
            peak = max(need.at(micro_batch) for need in needs)
            if peak <= usable(free_bytes):
                return Fit(micro_batch, checkpointed, peak, free_bytes)
    raise _does_not_fit(ways[-1][1], free_bytes, computed_again=mode != "off")


def usable(free_bytes: int) -> int:
    """Return how many bytes an estimate may fill of what is free."""
    return max(0, round(USABLE_SHARE * free_bytes) - RESERVE)


def _does_not_fit(
    needs: Sequence[MemoryNeed], free: int, *, computed_again: bool
) -> MemoryLimitError:
    largest = max(needs, key=lambda need: need.at(1))
    needed = (largest.at(1) + RESERVE) / USABLE_SHARE
    remedy = "Free memory, choose another device, or train a recipe with smaller ROIs or networks."
    if not computed_again:
        remedy = f"Let activations be computed again (checkpoint_activations). Or: {remedy}"
    return MemoryLimitError(
        f"A single ROI in the stage {largest.stage} ({largest.part}) needs about "
        f"{_gigabytes(needed)} of memory, and {_gigabytes(free)} are free.",
        remedy,
    )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
