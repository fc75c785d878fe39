"""What many tests share: an asymmetric phantom in any orientation, and the real cases."""

import itertools
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.folders import CACHE_VARIABLE
from napari_tumor_synth.imaging.volume import Volume

# Threads that wait by spinning take the processor from each other on a busy machine: tests of
# seconds then take minutes. Read when torch is loaded, here and in processes that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ORIENTATIONS = [
    "".join(axes)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for axes in itertools.product(*order)
]
"""The 48 ways in which a file can order and direct its axes, as nibabel's axis codes."""

SEQUENCES = ("flair", "t1", "t1ce", "t2")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory):
    """Keep what tests make out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv(CACHE_VARIABLE, str(folder))
        yield folder


@pytest.fixture(autouse=True)
def threads_as_before():
    """Undo what a test did to torch's threads: a window leaves a core free, for good."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    yield
    if torch and torch.get_num_threads() != before:
        torch.set_num_threads(before)


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


def brain_case(
    *,
    shape: tuple[int, int, int] = (40, 44, 48),
    centre: tuple[float, float, float] = (22, 18, 30),
    radii: tuple[float, float, float] = (7, 5, 9),
    affine: np.ndarray | None = None,
) -> tuple[Volume, Volume]:
    """Make a textured ellipsoid on a background of 0 and the labels of an ellipsoid tumour in it.

    The tumour is lopsided: label 4 in its right anterior superior part, label 2 elsewhere. Shape,
    centre and radii run along (S, A, R); the affine is canonical.
    """
    affine = np.diag([1.0, 1.0, 1.0, 1.0]) if affine is None else affine
    index = np.indices(shape)

    def within(middle, axes):
        return sum(((i - m) / a) ** 2 for i, m, a in zip(index, middle, axes, strict=True)) <= 1

    brain = within([(length - 1) / 2 for length in shape], [length * 0.47 for length in shape])
    texture = np.random.default_rng(0).normal(300, 40, shape)
    tumour = within(centre, radii)
    texture[tumour] += 250
    right_front_top = np.all([i > m for i, m in zip(index, centre, strict=True)], axis=0)
    labels = np.where(tumour, np.where(right_front_top, 4, 2), 0)
    image = np.where(brain | tumour, texture.clip(1), 0)
    return Volume(image.astype(np.float32), affine), Volume(labels.astype(np.uint8), affine)


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
