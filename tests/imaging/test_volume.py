"""Volumes lie where the file says, whatever order the file keeps its voxels in."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_tumor_synth.errors import GridMismatchError, VolumeError
from napari_tumor_synth.imaging.volume import SourceGrid, Volume, require_same_grid
from tests.conftest import ORIENTATIONS, phantom_in_orientation

AFFINE = np.array([[1.5, 0, 0, -20], [0, 2.0, 0, -30], [0, 0, 3.0, 5], [0, 0, 0, 1]])


def volume_of(shape=(3, 4, 5), affine=AFFINE, **kwargs):
    return Volume(np.zeros(shape, np.float32), np.array(affine), **kwargs)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_gives_the_same_array_and_affine(orientation):
    reference = phantom_in_orientation("RAS")
    stored = phantom_in_orientation(orientation)
    grid = SourceGrid.of(stored.shape, stored.affine)
    array = np.asarray(stored.dataobj)

    canonical = grid.to_canonical(array)

    assert "".join(grid.orientation) == orientation
    np.testing.assert_array_equal(canonical, np.asarray(reference.dataobj).transpose(2, 1, 0))
    np.testing.assert_allclose(grid.canonical_affine, reference.affine, atol=1e-12)
    np.testing.assert_array_equal(grid.from_canonical(canonical), array)


@given(
    rotation=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    sizes=st.tuples(*[st.floats(0.3, 6.0)] * 3),
    voxel=st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 6)),
)
def test_oblique_voxels_keep_their_world_position(rotation, sizes, voxel):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", rotation).as_matrix() @ np.diag(sizes)
    affine[:3, 3] = (3, -4, 5)
    stored = np.zeros((5, 6, 7), np.float32)
    stored[voxel] = 1
    grid = SourceGrid.of(stored.shape, affine)

    volume = Volume(grid.to_canonical(stored), grid.canonical_affine, grid)

    marked = np.argwhere(volume.array)[0]
    np.testing.assert_allclose(
        volume.world_of(marked), nib.affines.apply_affine(affine, voxel), atol=1e-9
    )


@pytest.mark.parametrize("angles", [(45, 0, 0), (180, 60, -45), (45, 45, 45), (90, 45, 0)])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (0.5, 1, 3)])
def test_canonical_order_is_its_own_canonical_order_even_at_45_degrees(angles, sizes):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(sizes)
    affine = affine.astype(np.float32).astype(float)
    first = SourceGrid.of((3, 4, 5), affine)
    second = SourceGrid.of(
        first.to_canonical(np.zeros(first.shape)).shape[::-1], first.canonical_affine
    )
    assert second.orientation == ("R", "A", "S")
    np.testing.assert_array_equal(second.canonical_affine, first.canonical_affine)


@given(orientation=st.sampled_from(ORIENTATIONS), tilt=st.tuples(*[st.floats(-20, 20)] * 3))
def test_tilted_axes_get_nibabels_names(orientation, tilt):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    affine = turn @ phantom_in_orientation(orientation).affine
    assert SourceGrid.of((9, 9, 9), affine).orientation == nib.aff2axcodes(affine)


def test_spacing_volume_and_obliquity():
    volume = volume_of()
    assert volume.spacing == (3.0, 2.0, 1.5)
    assert volume.voxel_volume_ml == pytest.approx(0.009)
    assert volume.obliquity_degrees == 0
    tilted = AFFINE.copy()
    tilted[:3, :3] = Rotation.from_euler("x", 12, degrees=True).as_matrix() @ AFFINE[:3, :3]
    assert volume_of(affine=tilted).obliquity_degrees == pytest.approx(12)


def test_indices_grow_toward_superior_anterior_right():
    volume = volume_of()
    step = volume.world_of((1, 1, 1)) - volume.world_of((0, 0, 0))
    np.testing.assert_allclose(step, (1.5, 2.0, 3.0))


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (3, 0, 4)])
def test_arrays_that_are_no_volume_are_refused(shape):
    with pytest.raises(VolumeError, match="three axes"):
        volume_of(shape)


@pytest.mark.parametrize(
    "affine",
    [np.diag([1, 1, 0, 1.0]), np.diag([1, np.nan, 1, 1]), np.ones((4, 4)), np.diag([-1, 1, 1, 1])],
    ids=["flat", "nan", "parallel", "not canonical"],
)
def test_unusable_affines_are_refused(affine):
    with pytest.raises(VolumeError):
        volume_of(affine=affine)


def test_a_cropped_volume_may_not_claim_its_files_grid():
    grid = SourceGrid.of((5, 4, 3), AFFINE)
    volume_of(source=grid)
    with pytest.raises(ValueError, match="grid"):
        volume_of((2, 4, 5), source=grid)
    with pytest.raises(ValueError, match="grid"):
        volume_of(affine=AFFINE + np.eye(4, k=3), source=grid)


def test_grids_within_single_precision_are_the_same():
    require_same_grid(volume_of(), volume_of(affine=AFFINE * (1 + 1e-7)))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"shape": (3, 4, 6)}, "3 x 4 x 5 against 3 x 4 x 6 voxels"),
        ({"affine": np.diag([1.5, 2, 3.5, 1])}, "3 x 2 x 1.5 against 3.5 x 2 x 1.5 mm"),
        ({"affine": AFFINE + 4 * np.eye(4, k=3)}, "4 mm apart"),
    ],
)
def test_a_mismatch_says_how_the_grids_differ(other, words):
    with pytest.raises(GridMismatchError, match=words):
        require_same_grid(volume_of(), volume_of(**other))
