"""An image as its file keeps it, and what every format must hold before it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.imaging.volume import SourceGrid

MAX_VOXELS = 2**28
"""645 voxels a side (1 GiB as float32): a whole head at 0.5 mm takes less than half of it."""

MAX_COMPRESSION = 1100
"""No deflated stream holds more than 1032 bytes in one; a header that promises more lies."""


@dataclass(frozen=True, eq=False)
class StoredImage:
    """Voxels in the file's axis order, before scaling.

    Attributes
    ----------
    values : ndarray, 3D in the file's axis order
        Numbers as stored; the intensity is ``values * slope + intercept``.
    grid : SourceGrid
        Where they lie.
    notes : tuple of str
        What the user should know about the file.
    """

    values: NDArray[Any]
    grid: SourceGrid
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_scaled(self) -> bool:
        """Tell whether intensities differ from the stored numbers."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def intensities(self) -> NDArray[np.float32]:
        """Return float32 intensities, each rounded once from double precision."""
        intensities = np.empty(self.values.shape, np.float32, order="F")
        with np.errstate(over="ignore", invalid="ignore"):  # found by the check for finite values
            for plane in range(self.values.shape[2]):
                intensities[..., plane] = self._scaled(self.values[..., plane])
        return intensities

    def _scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.astype(np.float64) * self.slope + self.intercept if self.is_scaled else values


def three_axes(path: Path, shape: Sequence[int]) -> tuple[int, int, int]:
    """Return the shape without trailing axes of length one.

    Raises
    ------
    VolumeError
        The image is not 3D, has an empty axis, or more voxels than `MAX_VOXELS`.
    """
    lengths = [int(length) for length in shape]
    while len(lengths) > 3 and lengths[-1] == 1:
        lengths.pop()
    if len(lengths) != 3:
        raise VolumeError(
            f"{path} has {len(lengths)} axes ({_times(lengths)}), but one 3D volume is needed.",
            "Save one volume of the series, or one slice stack, as a 3D file.",
        )
    if min(lengths) < 1:
        raise VolumeError(f"{path} has no voxels ({_times(lengths)}).", "Convert the file again.")
    if lengths[0] * lengths[1] * lengths[2] > MAX_VOXELS:
        raise VolumeError(
            f"The header of {path} promises {_times(lengths)} voxels, more than any head scan has.",
            f"Crop or resample it to at most {MAX_VOXELS:,} voxels, or check the file.",
        )
    return lengths[0], lengths[1], lengths[2]


def require_plausible_length(
    path: Path, stored_bytes: int, promised_bytes: int, *, compressed: bool
) -> None:
    """Refuse a header that promises more data than the file could hold.

    Raises
    ------
    VolumeError
        Before anything is allocated.
    """
    if promised_bytes > stored_bytes * (MAX_COMPRESSION if compressed else 1):
        raise VolumeError(
            f"{path} is truncated: the header promises {promised_bytes:,} bytes of voxels, "
            f"which a file of {stored_bytes:,} bytes cannot hold.",
            "Copy or download the file again.",
        )


def _times(lengths: Sequence[int]) -> str:
    return " x ".join(str(length) for length in lengths)
