"""What is written beside a saved ROI: how it was cut, and from which grid, but not from whom."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.imaging.intensity import IntensityWindow
from napari_tumor_synth.imaging.region import ParentGrid, Roi, RoiSettings


class ParentRecord(BaseModel):
    """The canonical grid of the parent: shape (S, A, R) and affine, row by row."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[int, int, int]
    affine: tuple[tuple[float, float, float, float], ...] = Field(min_length=4, max_length=4)

    @classmethod
    def of(cls, parent: ParentGrid) -> "ParentRecord":
        """Describe a grid."""
        return cls.model_validate({"shape": parent.shape, "affine": parent.affine.tolist()})


class RoiRecord(BaseModel):
    """The JSON beside an ROI. No paths, no names."""

    model_config = ConfigDict(frozen=True)

    format: Literal["tumor-synth roi 1"] = "tumor-synth roi 1"
    sequences: tuple[str, ...] = Field(min_length=1)
    settings: RoiSettings
    windows: tuple[IntensityWindow, ...] = ()
    lost_fraction: float = Field(default=0.0, ge=0, le=1)
    warnings: tuple[str, ...] = ()
    parent: ParentRecord | None = None

    @model_validator(mode="after")
    def _one_window_a_sequence(self) -> "RoiRecord":
        if self.windows and len(self.windows) != len(self.sequences):
            raise ValueError("one window a sequence is needed")
        return self

    @classmethod
    def of(cls, roi: Roi) -> "RoiRecord":
        """Describe an ROI."""
        return cls(
            sequences=roi.sequences,
            settings=roi.settings,
            windows=roi.windows,
            lost_fraction=roi.lost_fraction,
            warnings=roi.warnings,
            parent=None if roi.parent is None else ParentRecord.of(roi.parent),
        )

    def of_sequence(self, sequence: str) -> "RoiRecord":
        """Return the record of one of the sequences alone."""
        index = self.sequences.index(sequence)
        return self.model_copy(
            update={"sequences": (sequence,), "windows": self.windows[index : index + 1]}
        )

    def parent_grid(self) -> ParentGrid | None:
        """Return the parent's grid as `Roi` keeps it."""
        if self.parent is None:
            return None
        return ParentGrid(self.parent.shape, np.array(self.parent.affine))


def read_record(path: Path) -> RoiRecord:
    """Read the record of an ROI.

    Raises
    ------
    VolumeError
        It is missing, damaged, or not the record of an ROI.
    """
    try:
        return RoiRecord.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise VolumeError(f"{path} does not exist.", "Check the spelling of the path.") from error
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise VolumeError(
            f"{path} is not the record of an ROI, or is damaged.",
            "Remove it to use the image alone, or write the ROI anew.",
        ) from error
