"""What a generator makes of an ROI: its reconstruction, and where its classifier looks."""

from dataclasses import dataclass
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
from napari_tumor_synth.imaging.roi_files import read_roi
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.workflows.generate import open_generator
from napari_tumor_synth.workflows.roi import stem_of

IMPORTANCE_CAPTION = (
    "Importance: what the auxiliary classifier weighted, not a probability of disease."
)


@dataclass(frozen=True)
class Reconstruction:
    """A reconstruction and what was lost, on the model's grid."""

    image: Path
    fidelity: Fidelity
    model: str

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of ``reconstruct --json``."""
        return {
            "image": str(self.image),
            **self.fidelity.as_json(),
            "model": self.model,
        }


@dataclass(frozen=True)
class ImportanceMap:
    """Scores on the ROI's own grid."""

    image: Path
    lowest: float
    highest: float
    model: str
    caption: str = IMPORTANCE_CAPTION

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
    path: Path, out: Path | None, *, model: str | None = None, device: str = "auto"
) -> Reconstruction:
    """Encode and decode a saved ROI on the model's grid, write the result and compare the two.

    Raises
    ------
    VolumeError, InputError, CheckpointError, OutputError
        As their names say.
    """
    generator = open_generator(model, device)
    roi = _on_grid_of(generator, read_roi(path))
    decoded = generator.reconstruct(roi.image)
    mask = mask_of_generated(decoded)
    image = finish_generated(decoded, mask)
    target = out or path.parent / f"{stem_of(path)}_reconstruction.nii.gz"
    write_volume(
        Volume(image[0], roi.affine), target, description=f"reconstruction by {generator.name}"
    )
    fidelity = measure_fidelity(image, roi.image, mask, roi.mask)
    return Reconstruction(target, fidelity, generator.name)


def importance_of_roi(
    path: Path, out: Path, *, model: str | None = None, device: str = "auto"
) -> ImportanceMap:
    """Write the importance scores of a saved ROI on the ROI's own grid; 0 outside the tumour.

    Raises
    ------
    VolumeError, InputError, CheckpointError, OutputError
        As their names say; InputError also for a model without importance scores.
    """
    generator = open_generator(model, device)
    own = read_roi(path)
    roi = _on_grid_of(generator, own)
    scores = importance_on(own, roi, generator.importance(roi.image))
    write_volume(Volume(scores, own.affine), out, description=IMPORTANCE_CAPTION[:79])
    inside = scores[own.mask]
    return ImportanceMap(out, float(inside.min()), float(inside.max()), generator.name)


def importance_on(own: Roi, on_model_grid: Roi, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample scores from the model's grid to an ROI's grid; 0 outside the mask."""
    volume = Volume(scores, on_model_grid.affine)
    resampled = resample_to_grid(volume, own.affine, own.mask.shape)
    return np.where(own.mask, resampled, np.float32(0))


def _on_grid_of(generator: Generator, roi: Roi) -> Roi:
    if len(roi.sequences) != len(generator.sequences):
        raise InputError(
            f"The ROI has {len(roi.sequences)} sequence(s); {generator.name} was trained on "
            f"{', '.join(generator.sequences)}.",
            "Choose another model.",
        )
    return regrid_roi(roi, generator.size, generator.spacing_mm)
