"""What a gallery says about itself in its ``gallery.json``."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_tumor_synth.errors import GalleryError
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.imaging.region import RoiSettings

FORMAT = 2
"""Version of the folder's layout; 1 and 2 keep one safetensors file an ROI below ``volumes``, 2 the
outlines of all besides."""

MANIFEST, VOLUMES, README = "gallery.json", "volumes", "README.txt"
PREPARED = "rois"
"""Where a cohort is prepared that was not."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GalleryPlan(_Record):
    """What must be alike for a folder to be gone on with.

    Attributes
    ----------
    format : int
    window : {"uniform", "gaussian"}
        Of the 3D-SSIM, see `SsimDefinition`.
    settings : RoiSettings
        How the ROIs were cut.
    sequences : tuple of str
        One a channel.
    """

    format: int = FORMAT
    window: Literal["uniform", "gaussian"] = "uniform"
    settings: RoiSettings
    sequences: tuple[str, ...]

    @property
    def definition(self) -> SsimDefinition:
        """The index that the gallery is made for."""
        return SsimDefinition(self.window)


class GalleryEntry(_Record):
    """One real ROI.

    Attributes
    ----------
    name, patient, class_name : str
    split : {"train", "validation", "test"}
    content : str
        SHA-256 of the cached ROI's file.
    file : str
        Below ``volumes``.
    sha256 : str
        Of that file.
    """

    name: str
    patient: str
    class_name: str
    split: Literal["train", "validation", "test"]
    content: str
    file: str = Field(pattern=r"^\w[^/\\:]*\.safetensors$")
    sha256: str


class GalleryManifest(_Record):
    """All about a finished gallery.

    Attributes
    ----------
    plan : GalleryPlan
    patient_data : bool
        Whether its ROIs may come from patients.
    cohort : str
        Hash of the cohort's manifest.
    entries : tuple of GalleryEntry
        Ordered by name.
    outlines : str
        SHA-256 of the file of outlines.
    """

    plan: GalleryPlan
    patient_data: bool
    cohort: str
    entries: tuple[GalleryEntry, ...] = Field(min_length=1)
    outlines: str = ""


def read_manifest(folder: Path, *, older: bool = False) -> GalleryManifest:
    """Read the manifest of a finished gallery.

    Parameters
    ----------
    folder : Path
    older : bool
        Accept one of an earlier version, whose ROIs cannot be read.

    Raises
    ------
    GalleryError
        The folder holds no finished gallery, a damaged one, or one of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise GalleryError(
            f"{folder} holds no finished gallery.",
            "Run tumor-synth gallery build with this folder as --out; a stopped call goes on.",
        )
    try:
        content = json.loads(path.read_text("utf-8"))
        version = int(content["plan"]["format"])
        manifest = GalleryManifest.model_validate(content) if version <= FORMAT else None
    except (OSError, ValueError, LookupError, TypeError, ValidationError) as error:
        raise GalleryError(
            f"{path} is damaged.",
            "Delete it, and run tumor-synth gallery build again with the same cohort, settings and "
            "folder: it goes on with what is there, and pseudonyms stay what they are.",
        ) from error
    if manifest is not None and (older or version == FORMAT):
        return manifest
    if version < FORMAT:
        raise GalleryError(
            f"{folder} holds a gallery of an earlier version of this program.",
            "Run tumor-synth gallery build again with the same cohort and folder: ROIs are indexed "
            "anew, and what is known of their similarity is kept.",
        )
    raise GalleryError(
        f"{path} was written by a newer version of this program.",
        "Update napari-tumor-synth, or build the gallery into another folder.",
    )
