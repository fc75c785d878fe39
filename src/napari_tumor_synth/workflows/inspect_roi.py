"""What a generator makes of an ROI: its reconstruction, and where its classifier looks."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.fidelity import Fidelity, measure_fidelity
from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.imaging.mask_rule import finish_generated, mask_of_generated
from napari_tumor_synth.imaging.resampling import resample_to_grid
from napari_tumor_synth.imaging.roi import Roi, regrid_roi
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.workflows.generate import open_generator
from napari_tumor_synth.workflows.outputs import (
    is_described_as,
    require_not_input,
    require_replaceable,
)
from napari_tumor_synth.workflows.roi import stem_of
from napari_tumor_synth.workflows.roi_input import OpenedRoi, open_roi

IMPORTANCE_CAPTION = (
    "Importance: what the auxiliary classifier weighted, not a probability of disease."
)
IMPORTANCE_SOURCE = (
    "Scores come from encoding the image; for a generated ROI, from encoding it again."
)
_IMPORTANCE_DESCRIPTION = "importance (auxiliary classifier), not a probability of disease"
_LONGEST_NAME = 21  # of a model in a description, of which NIfTI keeps 79 characters


@dataclass(frozen=True)
class Reconstruction:
    """A reconstruction and what was lost, on the model's grid.

    Attributes
    ----------
    images : tuple of Path
        One a sequence.
    fidelity : Fidelity
        Agreement of the reconstruction and the ROI, both on the model's grid.
    model : str
    warnings : tuple of str
        What is doubtful, one sentence each; parts of the tumour that the model does not see.
    """

    images: tuple[Path, ...]
    fidelity: Fidelity
    model: str
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of ``reconstruct --json``."""
        return {"image": str(self.images[0]), **self.fidelity.as_json()}


@dataclass(frozen=True)
class ImportanceMap:
    """Scores on the ROI's own grid, their range inside the tumour, and what is doubtful."""

    image: Path
    lowest: float
    highest: float
    model: str
    warnings: tuple[str, ...]
    caption: str = f"{IMPORTANCE_CAPTION} {IMPORTANCE_SOURCE}"

    def as_json(self) -> dict[str, Any]:
        """Return the keys of ``importance --json``."""
        return {
            "image": str(self.image),
            "lowest": self.lowest,
            "highest": self.highest,
            "model": self.model,
            "caption": self.caption,
        }


def reconstruct_roi(
    path: Path,
    out: Path | None,
    *,
    model: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> Reconstruction:
    """Encode and decode a saved ROI on the model's grid, write the result and compare the two.

    Parameters
    ----------
    path : Path
        A saved ROI image, the record of one with several sequences, or the provenance of a
        synthetic one.
    out : Path or None
        File to write; with several sequences their names are put in. None: beside the ROI.

    Raises
    ------
    VolumeError, InputError, CheckpointError, OutputError
        As their names say.
    """
    own = open_roi(path)
    generator = open_generator(model, device, precision="float32")
    description = _reconstruction_description(generator, own)
    stem = stem_of(path).removesuffix(".json")
    target = out or path.parent / f"{stem}_reconstruction.nii.gz"
    targets = _one_a_sequence(target, generator.sequences)
    for file in targets:
        require_not_input(file, own.files)
        require_replaceable(file, is_described_as(description), overwrite=overwrite)
    roi = as_seen_by(generator, own.roi)
    decoded = generator.reconstruct(roi.image)
    mask = mask_of_generated(decoded, generator.mask_threshold)
    image = finish_generated(decoded, mask)
    fidelity = measure_fidelity(image, roi.image, mask, roi.mask)
    for channel, file in zip(image, targets, strict=True):
        write_volume(Volume(channel, roi.affine), file, description=description)
    return Reconstruction(targets, fidelity, generator.name, roi.warnings)


def importance_of_roi(
    path: Path,
    out: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> ImportanceMap:
    """Write the importance scores of a saved ROI on the ROI's own grid; 0 outside the tumour.

    Parts of the tumour beyond the model's field of view take the scores of its edge.

    Raises
    ------
    VolumeError, InputError, CheckpointError, OutputError
        As their names say; InputError also for a model without importance scores.
    """
    opened = open_roi(path)
    require_not_input(out, opened.files)
    generator = open_generator(model, device, precision="float32")
    description = f"{_IMPORTANCE_DESCRIPTION} {opened.hash_with(generator.sha256)}"
    require_replaceable(out, is_described_as(description), overwrite=overwrite)
    own = opened.roi
    roi = as_seen_by(generator, own)
    scores = importance_on(own, roi, generator.importance(roi.image))
    write_volume(Volume(scores, own.affine), out, description=description)
    inside = scores[own.mask]
    lowest, highest = float(inside.min()), float(inside.max())
    return ImportanceMap(out, lowest, highest, generator.name, roi.warnings)


def importance_on(own: Roi, on_model_grid: Roi, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample scores from the model's grid to an ROI's grid; 0 outside the mask."""
    volume = Volume(scores, on_model_grid.affine)
    resampled = resample_to_grid(volume, own.affine, own.mask.shape)
    return np.where(own.mask, resampled, np.float32(0))


def _reconstruction_description(generator: Generator, own: OpenedRoi) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", generator.name)[:_LONGEST_NAME]
    digits = own.hash_with(generator.sha256)
    return f"RECONSTRUCTION by model {name}, not for clinical use {digits}"


def as_seen_by(generator: Generator, roi: Roi) -> Roi:
    """Return the ROI on the model's grid, its channels in the model's order."""
    return regrid_roi(_ordered(generator, roi), generator.size, generator.spacing_mm)


def _ordered(generator: Generator, roi: Roi) -> Roi:
    wanted, found = generator.sequences, roi.sequences
    if wanted == found or (len(wanted) == 1 and found == ("image",)):
        return roi
    if set(wanted) <= set(found):
        chosen = [found.index(name) for name in wanted]
        return replace(
            roi,
            image=roi.image[chosen],
            sequences=wanted,
            windows=tuple(roi.windows[i] for i in chosen) if roi.windows else (),
        )
    raise InputError(
        f"The ROI holds {', '.join(found)}; {generator.name} was trained on {', '.join(wanted)}.",
        "Choose another model, or cut the ROI from these sequences "
        "(`tumor-synth roi --sequence NAME` says which one an image is).",
    )


def _one_a_sequence(path: Path, sequences: tuple[str, ...]) -> tuple[Path, ...]:
    if len(sequences) == 1:
        return (path,)
    stem = stem_of(path)
    suffix = path.name.removeprefix(stem)
    return tuple(path.with_name(f"{stem}_{sequence}{suffix}") for sequence in sequences)
