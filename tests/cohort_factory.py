"""Small cohorts on disk: boxes of 20 voxels with a random tumour, named like BraTS 2018."""

from pathlib import Path

import nibabel as nib
import numpy as np

from napari_tumor_synth.imaging.roi import RoiSettings

SMALL = RoiSettings(size=(16, 16, 16))
AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


def write_nifti(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def write_case(folder: Path, name: str, seed: int = 0, *, empty: bool = False) -> Path:
    """Write FLAIR, T1ce and segmentation of one case; return its folder."""
    rng = np.random.default_rng(seed)
    brain = np.zeros((20, 20, 20), bool)
    brain[2:18, 2:18, 2:18] = True
    tumour = np.zeros_like(brain)
    if not empty:
        low = rng.integers(4, 8, 3)
        high = low + rng.integers(4, 9, 3)
        tumour[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    for scale, sequence in ((100, "flair"), (2000, "t1ce")):
        image = np.where(brain, rng.uniform(0.2, 1, brain.shape) + tumour, 0) * scale
        write_nifti(folder / name / f"{name}_{sequence}.nii.gz", image.astype(np.float32))
    write_nifti(folder / name / f"{name}_seg.nii.gz", tumour.astype(np.uint8) * 2)
    return folder / name


def write_cohort(folder: Path, per_class: int = 4) -> Path:
    """Write as many LGG as HGG cases; return the folder."""
    for number in range(per_class):
        write_case(folder / "LGG", f"Brats18_CBICA_L{number:02d}_1", number)
        write_case(folder / "HGG", f"Brats18_CBICA_H{number:02d}_1", 1000 + number)
    return folder
