"""What a ROI cache says about itself in its ``manifest.json``."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.case import LabelScheme
from napari_tumor_synth.imaging.intensity import IntensityWindow
from napari_tumor_synth.imaging.region import RoiSettings

FORMAT = 1
"""Version of the folder's layout; 1 keeps ROIs as float16 ``.npy`` files below ``arrays``."""

MANIFEST, ARRAYS = "manifest.json", "arrays"

_Row = tuple[float, float, float, float]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CachePlan(_Record):
    """What must be alike for a folder to be gone on with.

    Attributes
    ----------
    format : int
    settings : RoiSettings
    sequences : tuple of str
        One a channel.
    seed : int
        Of the split.
    fractions : dict of str to float
        Shares of the splits.
    """

    format: int
    settings: RoiSettings
    sequences: tuple[str, ...]
    seed: int
    fractions: dict[str, float]


class CacheEntry(_Record):
    """One ROI of a cache.

    Attributes
    ----------
    name, patient, class_name : str
    split : {"train", "validation", "test"}
    file : str
        Name of the array file below ``arrays``.
    sha256 : str
        Of the array file.
    source_sha256 : str
        Of the bytes of the image files and the segmentation that the ROI was cut from.
    label_scheme : str
        Which label of the segmentation means enhancing tumour.
    windows : tuple of IntensityWindow
        One a channel, in the parent's units.
    lost_fraction : float
        Share of the tumour's volume outside the box.
    volume_ml : float
        Volume of the mask.
    affine : tuple of tuple of float
        4 x 4, canonical (r, a, s) voxel indices to RAS+ mm of the parent.
    warnings : tuple of str
    synthetic : bool
        Whether an image says in its header that a generator made it; unknown, and thus False, in
        caches of earlier versions.
    """

    name: str
    patient: str
    class_name: str
    split: Literal["train", "validation", "test"]
    file: str = Field(pattern=r"^\w[^/\\:]*\.npy$")
    sha256: str
    source_sha256: str
    label_scheme: LabelScheme
    windows: tuple[IntensityWindow, ...]
    lost_fraction: float
    volume_ml: float
    affine: tuple[_Row, _Row, _Row, _Row]
    warnings: tuple[str, ...]
    synthetic: bool = False


class FailedCase(_Record):
    """A case that is not in the cache, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Manifest(_Record):
    """All about a finished cache."""

    plan: CachePlan
    classes: tuple[str, ...]
    patient_data: bool
    entries: tuple[CacheEntry, ...]
    failed: tuple[FailedCase, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of what determines the data and the split; no paths and no dates."""
        content = {
            "plan": self.plan.model_dump(mode="json", include={"format", "settings", "sequences"}),
            "classes": self.classes,
            "entries": [
                [entry.name, entry.patient, entry.class_name, entry.split, entry.sha256]
                for entry in self.entries
            ],
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a finished cache.

    Raises
    ------
    CohortError
        The folder holds no finished cache, a damaged or a newer one.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CohortError(
            f"{folder} holds no finished ROI cache.",
            "Run tumor-synth prepare with this folder as --out; a stopped call goes on.",
        )
    try:
        content = json.loads(path.read_text("utf-8"))
        newer = int(content["plan"]["format"]) > FORMAT
        if not newer:
            return Manifest.model_validate(content)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CohortError(
            f"{path} is damaged: {_first_line(error)}.", "Prepare the cohort into another folder."
        ) from error
    raise CohortError(
        f"{path} was written by a newer version of this program.",
        "Update napari-tumor-synth, or prepare the cohort into another folder.",
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
