import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.errors import GridMismatchError
from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi
from napari_tumor_synth.imaging.volume import Volume

SHAPE = (20, 24, 28)
STRAIGHT = nib.affines.from_matvec(np.diag([1.0, 2.0, 3.0]), [-12.0, 7.0, 30.0])


def oblique(degrees: float, *, about: int = 0) -> np.ndarray:
    turn = nib.eulerangles.euler2mat(**{"xyz"[about]: np.radians(degrees)})
    return nib.affines.from_matvec(turn, [3.0, -8.0, 5.0]) @ STRAIGHT


def volume(affine: np.ndarray) -> Volume:
    return Volume(np.zeros(SHAPE, np.float32), affine)


def test_along_anatomical_axes_positions_are_those_in_the_patient() -> None:
    frame = DisplayFrame.of(volume(STRAIGHT))
    assert not frame.is_oblique
    placed = frame.place(STRAIGHT)
    assert placed.scale == (3, 2, 1)
    assert placed.translate == (30, 7, -12)
    assert frame.to_world((30, 7, -12)) == (-12, 7, 30)


@pytest.mark.parametrize("about", [0, 1, 2])
def test_positions_in_an_oblique_scan_are_turned_back(about: int) -> None:
    affine = oblique(14, about=about)
    scan = volume(affine)
    frame = DisplayFrame.of(scan)
    assert frame.obliquity_degrees == pytest.approx(14, abs=1e-6)
    placed = frame.place(affine)
    assert placed.scale == pytest.approx((3, 2, 1))
    for index in [(0, 0, 0), (19, 5, 2), (7, 23, 27)]:
        shown = np.array(placed.translate) + np.array(placed.scale) * index
        assert frame.to_world(shown) == pytest.approx(scan.world_of(index).tolist())
        assert frame.from_world(scan.world_of(index)) == pytest.approx(tuple(shown))


def test_an_roi_lies_over_its_parent_in_the_frame_too() -> None:
    affine = oblique(25, about=2)
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:12, 9:16, 3:9] = 1
    image = Volume(np.random.default_rng(0).uniform(1, 2, SHAPE).astype(np.float32), affine)
    parent = DisplayFrame.of(image)
    roi = extract_roi({"flair": image}, Volume(labels, affine), RoiSettings(size=(16, 16, 16)))
    over, under = parent.place(roi.affine), parent.place(affine)
    centre = np.mean(np.argwhere(labels), axis=0) * under.scale + under.translate
    found = np.mean(np.argwhere(roi.mask), axis=0) * over.scale + over.translate
    assert found == pytest.approx(centre, abs=0.5)  # the ROI has other voxels
    assert over.scale == pytest.approx((1, 1, 1))


def test_the_noise_of_headers_is_no_rotation() -> None:
    assert not DisplayFrame.of(volume(oblique(0.001))).is_oblique
    assert DisplayFrame.of(volume(oblique(1))).is_oblique


def test_an_image_at_an_angle_is_refused() -> None:
    frame = DisplayFrame.of(volume(STRAIGHT))
    with pytest.raises(GridMismatchError, match="at an angle"):
        frame.place(oblique(5))
