"""A synthetic ROI and its files."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import sha256_of_file, writable_folder, write_json
from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE, Provenance
from napari_tumor_synth.imaging.mask_rule import (
    MASK_THRESHOLD,
    finish_generated,
    mask_of_generated,
)
from napari_tumor_synth.imaging.roi import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_files import write_roi_images

_LONGEST_NAME = 80


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


def synthetic_roi(
    image: NDArray[np.float32], provenance: Provenance, threshold: float = MASK_THRESHOLD
) -> SyntheticRoi:
    """Make an ROI of what a decoder put out.

    Parameters
    ----------
    image : array
        ``(C, S, A, R)`` in [-1, 1], with an approximate background.
    provenance : Provenance
        Gives grid, spacing and sequences. The ROI is centred on the origin of RAS space, since a
        synthetic tumour has no place in a patient.
    threshold : float
        Where the tumour ends; see `mask_of_generated`.
    """
    mask = mask_of_generated(image, threshold)
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
    """Write image, mask and provenance; the provenance names the hashes of the others.

    All is first written whole to a temporary folder inside `folder`; only then do the files of an
    earlier sample of that name give way. The record is the first to go and the last to come, so
    that none ever stands beside files of another sample, not even when the process is killed.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full; an earlier sample stays as it was, and no
        half-written file remains.
    """
    record = sample.provenance
    files = sample_files(folder, record.class_name, record.seed, record.sequences)
    writable_folder(folder)
    try:
        with TemporaryDirectory(prefix=".writing-", dir=folder) as name:
            new, old = Path(name, "new"), Path(name, "old")
            old.mkdir()
            _write(sample, new, files)
            _exchange((files.provenance, files.mask, *files.images), new, old)
    except OSError as error:
        raise OutputError(
            f"Cannot write {files.provenance}: {error.strerror or error}.",
            "Choose a folder that you may write to and that has free space.",
        ) from error
    return files


def _write(sample: SyntheticRoi, folder: Path, files: SampleFiles) -> None:
    """Write the files of a sample to another folder than their own."""
    record, stem = sample.provenance, files.provenance.stem
    try:
        images, mask = write_roi_images(sample.roi, folder, stem, description=SYNTHETIC_NOTICE)
        hashes = {
            name: sha256_of_file(path) for name, path in zip(record.sequences, images, strict=True)
        }
        hashes["mask"] = sha256_of_file(mask)
        whole = record.model_copy(update={"files": hashes})
        write_json(folder / files.provenance.name, whole.model_dump(mode="json"))
    except OutputError as error:  # the user does not know the temporary folder
        problem = error.problem.replace(str(folder), str(files.provenance.parent))
        raise OutputError(problem, error.remedy) from error


def _exchange(targets: Sequence[Path], new: Path, old: Path) -> None:
    """Move targets to `old`, and those of the same names from `new` in their places; or nothing.

    The first target is the first to go and the last to come.
    """
    try:
        for target in targets:
            if target.exists():
                target.replace(old / target.name)
        for target in reversed(targets):
            (new / target.name).replace(target)
    except BaseException:
        for target in reversed(targets):
            if not (new / target.name).exists():  # it has come
                target.unlink(missing_ok=True)
            if (old / target.name).exists():
                (old / target.name).replace(target)
        raise


def sample_files(folder: Path, class_name: str, seed: int, sequences: Sequence[str]) -> SampleFiles:
    """Return where `write_synthetic` puts a sample."""
    stem = f"synthetic_{_name_in_files(class_name)}_{seed:06d}"
    return _files(folder, stem, class_name, seed, sequences)


def files_of_record(path: Path, record: Provenance) -> SampleFiles:
    """Return the files beside a provenance at `path`, which may have been renamed with them."""
    return _files(path.parent, path.stem, record.class_name, record.seed, record.sequences)


def _files(
    folder: Path, stem: str, class_name: str, seed: int, sequences: Sequence[str]
) -> SampleFiles:
    ends = [""] if len(sequences) == 1 else [f"_{sequence}" for sequence in sequences]
    return SampleFiles(
        images=tuple(folder / f"{stem}{end}_roi.nii.gz" for end in ends),
        mask=folder / f"{stem}_mask.nii.gz",
        provenance=folder / f"{stem}.json",
        class_name=class_name,
        seed=seed,
    )


def _name_in_files(class_name: str) -> str:
    """Return a name that every file system takes; those that had to be changed stay distinct."""
    # the name of a class comes from a checkpoint, which may come from anywhere
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", class_name).strip("-")[:_LONGEST_NAME] or "class"
    if readable == class_name:
        return readable
    return f"{readable}-{hashlib.sha256(class_name.encode()).hexdigest()[:8]}"


def _centred_affine(size: tuple[int, int, int], spacing: float) -> NDArray[np.float64]:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [-spacing * (edge - 1) / 2 for edge in reversed(size)]
    return affine
