"""A synthetic ROI and its files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.files import sha256_of_file, write_json
from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE, Provenance
from napari_tumor_synth.imaging.mask_rule import finish_generated, mask_of_generated
from napari_tumor_synth.imaging.roi import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_files import write_roi_images


@dataclass(frozen=True, eq=False)
class SyntheticRoi:
    """What a generator makes: an ROI and how it came to be."""

    roi: Roi
    provenance: Provenance


@dataclass(frozen=True)
class SampleFiles:
    """Where a synthetic ROI was written."""

    images: tuple[Path, ...]
    mask: Path
    provenance: Path
    class_name: str
    seed: int

    @property
    def image(self) -> Path:
        """The image of the first sequence."""
        return self.images[0]

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of a sample in ``generate --json``."""
        return {
            "image": str(self.image),
            "mask": str(self.mask),
            "provenance": str(self.provenance),
            "class": self.class_name,
            "seed": self.seed,
        }


def synthetic_roi(image: NDArray[np.float32], provenance: Provenance) -> SyntheticRoi:
    """Make an ROI of what a decoder put out.

    Parameters
    ----------
    image : array
        ``(C, S, A, R)`` in [-1, 1], with an approximate background.
    provenance : Provenance
        Gives grid, spacing and sequences. The ROI is centred on the origin of RAS space, since a
        synthetic tumour has no place in a patient.
    """
    mask = mask_of_generated(image)
    settings = RoiSettings(size=provenance.grid, spacing_mm=provenance.spacing_mm)
    roi = Roi(
        image=finish_generated(image, mask),
        mask=mask,
        affine=_centred_affine(provenance.grid, provenance.spacing_mm),
        sequences=provenance.sequences,
        settings=settings,
    )
    return SyntheticRoi(roi, provenance)


def write_synthetic(sample: SyntheticRoi, folder: Path) -> SampleFiles:
    """Write image, mask and provenance; the provenance comes last and names their hashes.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; no half-written file remains.
    """
    record = sample.provenance
    files = sample_files(folder, record.class_name, record.seed, record.sequences)
    stem = files.provenance.stem
    files.provenance.unlink(missing_ok=True)  # an old record must not stand beside new images
    try:
        images, mask = write_roi_images(sample.roi, folder, stem, description=SYNTHETIC_NOTICE)
        hashes = {
            name: sha256_of_file(path) for name, path in zip(record.sequences, images, strict=True)
        }
        hashes["mask"] = sha256_of_file(mask)
        whole = record.model_copy(update={"files": hashes})
        write_json(files.provenance, whole.model_dump(mode="json"))
    except BaseException:
        for path in (*files.images, files.mask):
            path.unlink(missing_ok=True)
        raise
    return files


def sample_files(folder: Path, class_name: str, seed: int, sequences: Sequence[str]) -> SampleFiles:
    """Return where `write_synthetic` puts a sample."""
    # the name of a class comes from a checkpoint, which may come from anywhere
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", class_name).strip("-") or "class"
    stem = f"synthetic_{readable}_{seed:06d}"
    ends = [""] if len(sequences) == 1 else [f"_{sequence}" for sequence in sequences]
    return SampleFiles(
        images=tuple(folder / f"{stem}{end}_roi.nii.gz" for end in ends),
        mask=folder / f"{stem}_mask.nii.gz",
        provenance=folder / f"{stem}.json",
        class_name=class_name,
        seed=seed,
    )


def _centred_affine(size: tuple[int, int, int], spacing: float) -> NDArray[np.float64]:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [-spacing * (edge - 1) / 2 for edge in reversed(size)]
    return affine
