"""The families of generators: one line each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from napari_tumor_synth.errors import CheckpointError
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint
from napari_tumor_synth.generators.provenance import DecodingSettings, Provenance
from napari_tumor_synth.generators.synthetic import SyntheticRoi
from napari_tumor_synth.generators.vqgan_checkpoint import load_vqgan
from napari_tumor_synth.generators.vqgan_memory import SamplingBytes, vqgan_sampling_bytes
from napari_tumor_synth.progress import OnProgress, ignore_progress


class Generator(Protocol):
    """Anything that samples ROIs."""

    name: str
    sha256: str
    classes: tuple[str, ...]
    sequences: tuple[str, ...]
    size: tuple[int, int, int]
    spacing_mm: float
    precision: str
    default_decoding: DecodingSettings
    mask_threshold: float

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def memory_for(self, samples: int) -> int:
        """Return the bytes that drawing so many samples takes at most, as estimated."""

    def require(
        self, classes: Sequence[str], seeds: Sequence[int], decoding: DecodingSettings
    ) -> None:
        """Make sure that these samples can be made, before any work is done."""

    def sample(
        self,
        class_name: str,
        seeds: Sequence[int],
        decoding: DecodingSettings | None = None,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> list[SyntheticRoi]:
        """Make one ROI per seed; each depends on its own seed only."""

    def repeat(
        self, record: Provenance, *, on_progress: OnProgress = ignore_progress
    ) -> SyntheticRoi:
        """Make a sample again from its record, or refuse a record that was changed."""

    def reconstruct(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode and decode an ROI ``(C, S, A, R)`` on the generator's grid."""

    def importance(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return importance scores ``(S, A, R)`` in (0, 1) on the generator's grid."""


@dataclass(frozen=True)
class Family:
    """What a family of generators brings along.

    Attributes
    ----------
    load : callable
        Rebuilds a generator from its checkpoint, the file's name, a device and a precision.
    sampling_bytes : callable
        Estimates the memory that sampling takes, from a checkpoint, a precision and a device.
    """

    load: Callable[[Checkpoint, str, torch.device, str], Generator]
    sampling_bytes: Callable[[Checkpoint, str, torch.device], SamplingBytes]


FAMILIES: Mapping[str, Family] = {"vqgan": Family(load_vqgan, vqgan_sampling_bytes)}


def load_generator(
    path: Path,
    device: torch.device,
    *,
    expected_sha256: str | None = None,
    precision: str = "auto",
) -> Generator:
    """Load a checkpoint of any family, to sample in one of `precision.choose_precision`.

    Raises
    ------
    CheckpointError
        Damaged, altered, of an unknown family or of a newer format.
    InputError
        The precision is not available for this model on this device.
    MemoryLimitError
        Sampling would take more memory than is free; nothing was loaded.
    """
    checkpoint = read_checkpoint(path, expected_sha256=expected_sha256)
    return family_of(checkpoint, path.name).load(checkpoint, path.stem, device, precision)


def family_of(checkpoint: Checkpoint, file_name: str) -> Family:
    """Return the family of a checkpoint; CheckpointError for an unknown one."""
    if checkpoint.family not in FAMILIES:
        raise CheckpointError(
            f"{file_name} belongs to the family {checkpoint.family!r}, which this version does "
            "not know.",
            "Update napari-tumor-synth.",
        )
    return FAMILIES[checkpoint.family]
