"""What a region of interest is: a masked tumour in one box, and how it was cut."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.intensity import WINDOW_PERCENTILES, IntensityWindow

_Length = Annotated[int, Field(ge=8, le=512)]


UNNAMED = ("image",)
"""Sequences of an ROI of which nobody has said what it is."""


class RoiSettings(BaseModel):
    """How an ROI is cut.

    Attributes
    ----------
    size : tuple of int
        Voxels along (S, A, R), 8 to 512 each.
    spacing_mm : float
        Edge of a voxel, 0.1 to 10 mm.
    labels : tuple of int or None
        Labels of the segmentation that make the tumour; None takes all above 0.
    percentiles : tuple of float
        Percentiles of the brain's intensities that become -0.9 and 1;
        see `intensity.WINDOW_PERCENTILES` for the measurements behind the default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[_Length, _Length, _Length] = (128, 128, 128)
    spacing_mm: float = Field(default=1.0, ge=0.1, le=10)
    labels: tuple[Annotated[int, Field(ge=1, le=65535)], ...] | None = Field(
        default=None, min_length=1
    )
    percentiles: tuple[
        Annotated[float, Field(ge=0, le=100)], Annotated[float, Field(ge=0, le=100)]
    ] = WINDOW_PERCENTILES

    @model_validator(mode="after")
    def _percentiles_ascend(self) -> "RoiSettings":
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError("the first percentile must be below the second")
        return self


@dataclass(frozen=True, eq=False)
class ParentGrid:
    """The canonical grid that an ROI was cut from.

    Attributes
    ----------
    shape : tuple of int
        Voxels along (S, A, R).
    affine : ndarray, (4, 4) float64
        Canonical (r, a, s) voxel indices to RAS+ mm.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Roi:
    """A masked tumour in a box, real or synthetic.

    Attributes
    ----------
    image : ndarray of float32, (C, S, A, R)
        -0.9 to 1 inside the mask, exactly -1 outside.
    mask : ndarray of bool, (S, A, R)
    affine : ndarray, (4, 4) float64
        Canonical (r, a, s) voxel indices to RAS+ mm: the ROI overlays its parent.
    sequences : tuple of str
        One name a channel.
    settings : RoiSettings
    windows : tuple of IntensityWindow
        One a channel, in the parent's units; empty for a synthetic ROI.
    lost_fraction : float
        Share of the tumour's volume outside the box, 0 to 1.
    warnings : tuple of str
        What is doubtful, one sentence each.
    parent : ParentGrid or None
        Where it was cut from; None for a synthetic ROI.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    sequences: tuple[str, ...]
    settings: RoiSettings
    windows: tuple[IntensityWindow, ...] = ()
    lost_fraction: float = 0.0
    warnings: tuple[str, ...] = ()
    parent: ParentGrid | None = None

    def __post_init__(self) -> None:
        if self.image.shape != (len(self.sequences), *self.mask.shape):
            raise ValueError(f"image {self.image.shape}, mask {self.mask.shape}, {self.sequences}")
        if self.windows and len(self.windows) != len(self.sequences):
            raise ValueError("one window a sequence is needed, or none")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (S, A, R)."""
        s, a, r = self.mask.shape
        return s, a, r

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel edges along (S, A, R) in mm."""
        r, a, s = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(s), float(a), float(r)

    @property
    def volume_ml(self) -> float:
        """Volume of the mask in millilitres."""
        voxel_ml = abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000
        return float(np.count_nonzero(self.mask)) * voxel_ml

    def channel(self, sequence: str | None = None) -> int:
        """Return the channel of a sequence; the first one for None.

        Raises
        ------
        InputError
            The ROI does not have this sequence.
        """
        if sequence is None:
            return 0
        if sequence not in self.sequences:
            raise InputError(
                f"The ROI has no sequence {sequence!r}.", f"Use {', '.join(self.sequences)}."
            )
        return self.sequences.index(sequence)
