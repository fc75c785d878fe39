import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes

from napari_tumor_synth.errors import EmptySegmentationError
from napari_tumor_synth.imaging.measure import measure_lesion


def affine_of(spacing_sar):
    return np.diag([*spacing_sar[::-1], 1.0])


def ball(radius_mm, spacing_sar, edge_mm=60.0):
    shape = [round(edge_mm / step) for step in spacing_sar]
    grid = np.indices(shape)
    centre = [(length - 1) / 2 for length in shape]
    away = sum(((grid[axis] - centre[axis]) * spacing_sar[axis]) ** 2 for axis in range(3))
    return away <= radius_mm**2


def test_a_row_of_voxels_is_as_long_as_its_faces_are_apart():
    mask = np.zeros((9, 9, 9))
    mask[4, 4, 2:7] = 3
    size = measure_lesion(mask, affine_of((3.0, 1.0, 2.0)))
    assert size.longest_mm == pytest.approx(10)
    assert size.axial_mm == pytest.approx(10)
    assert size.perpendicular_mm == pytest.approx(1)
    assert size.volume_ml == pytest.approx(5 * 6 / 1000)
    assert size.axial_slice == 4


def test_one_voxel():
    mask = np.zeros((3, 3, 3))
    mask[1, 1, 1] = 1
    size = measure_lesion(mask, affine_of((5.0, 2.0, 2.0)))
    assert (size.longest_mm, size.axial_mm, size.perpendicular_mm) == pytest.approx((5, 2, 2))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (1.0, 0.5, 2.0)])
def test_a_ball(spacing):
    size = measure_lesion(ball(20, spacing), affine_of(spacing))
    assert size.volume_ml == pytest.approx(4 / 3 * np.pi * 8, rel=0.01)
    for diameter in (size.longest_mm, size.axial_mm, size.perpendicular_mm):
        assert diameter == pytest.approx(40, abs=1.1 * max(spacing))


def test_the_longest_diameter_is_that_of_an_independent_surface():
    rng = np.random.default_rng(4)
    mask = rng.random((12, 10, 14)) < 0.05
    spacing = (1.5, 1.0, 0.8)
    surface, _, _, _ = marching_cubes(np.pad(mask, 1).astype(float), 0.5, spacing=spacing)
    size = measure_lesion(mask, affine_of(spacing))
    assert size.longest_mm == pytest.approx(pdist(surface).max(), rel=1e-5)


def test_diameters_do_not_depend_on_how_the_grid_lies_in_space():
    mask = ball(12, (2.0, 1.0, 1.0), 40) & (np.indices((20, 40, 40))[2] > 15)
    straight = measure_lesion(mask, affine_of((2.0, 1.0, 1.0)))
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3, 0.2, -0.4), [5, 6, 7])
    turned = measure_lesion(mask, turn @ affine_of((2.0, 1.0, 1.0)))
    for name in ("volume_ml", "longest_mm", "axial_mm", "perpendicular_mm"):
        assert getattr(turned, name) == pytest.approx(getattr(straight, name))
    assert turned.axial_slice == straight.axial_slice


def test_an_ellipse_has_its_axes():
    grid = np.indices((1, 81, 81)) - 40
    mask = (grid[1] / 30) ** 2 + (grid[2] / 12) ** 2 <= 1
    size = measure_lesion(mask, np.eye(4))
    assert size.axial_mm == pytest.approx(60, abs=1.1)
    assert size.perpendicular_mm == pytest.approx(24, abs=1.1)


def test_nothing_to_measure():
    with pytest.raises(EmptySegmentationError, match="nothing to measure"):
        measure_lesion(np.zeros((4, 4, 4)), np.eye(4))
