"""What many tests share: an asymmetric phantom in any orientation, and the real cases."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

ORIENTATIONS = [
    "".join(axes)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for axes in itertools.product(*order)
]
"""The 48 ways in which a file can order and direct its axes, as nibabel's axis codes."""

SEQUENCES = ("flair", "t1", "t1ce", "t2")


def asymmetric_array() -> np.ndarray:
    """Return int16 (r, a, s) = (9, 10, 11) where every voxel differs, with a mark at (6, 2, 8)."""
    array = np.arange(9 * 10 * 11, dtype=np.int16).reshape(9, 10, 11)
    array[6, 2, 8] = 5000
    return array


def phantom_in_orientation(
    orientation: str, array: np.ndarray | None = None, affine: np.ndarray | None = None
) -> nib.Nifti1Image:
    """Store an (r, a, s) array in one of the 48 orientations; the world does not move."""
    array = asymmetric_array() if array is None else array
    if affine is None:
        affine = np.array([[1.5, 0, 0, -7], [0, 2, 0, 11], [0, 0, 0.75, -3], [0, 0, 0, 1]])
    image = nib.Nifti1Image(array, affine)
    target = nib.orientations.axcodes2ornt(orientation)
    return image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), target))


@dataclass(frozen=True)
class RealCase:
    name: str
    class_name: str
    sequences: dict[str, Path]
    segmentation: Path


def find_real_cases() -> list[RealCase]:
    named = os.environ.get("TUMOR_SYNTH_REAL_DATA")
    root = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return [
        RealCase(
            name=segmentation.parent.name,
            class_name=segmentation.parent.parent.name,
            sequences={
                sequence: segmentation.with_name(
                    segmentation.name.replace("_seg.nii", f"_{sequence}.nii")
                )
                for sequence in SEQUENCES
            },
            segmentation=segmentation,
        )
        for segmentation in sorted(root.glob("brats*/*GG/*/*_seg.nii.gz"))
    ]


@pytest.fixture(scope="session")
def real_cases() -> list[RealCase]:
    cases = find_real_cases()
    if not cases:
        pytest.skip("the real cases are not here; TUMOR_SYNTH_REAL_DATA can name their folder")
    return cases
