"""NRRD and MetaImage: the same voxels at the same places as ITK itself sees them."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.volume import SourceGrid, Volume
from napari_tumor_synth.imaging.writing import write_volume
from tests.conftest import ORIENTATIONS, asymmetric_array, phantom_in_orientation

SUFFIXES = (".nrrd", ".mha", ".mhd")


def itk_image(orientation="RAS", turn=None):
    """Build an image by ITK's own means from an RAS phantom stored in some orientation."""
    phantom = phantom_in_orientation(orientation)
    affine = phantom.affine if turn is None else turn @ phantom.affine
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.asarray(phantom.dataobj).transpose(2, 1, 0))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def saved(image, path, **kwargs):
    sitk.WriteImage(image, str(path), **kwargs)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_voxels_lie_where_itk_puts_them(orientation, suffix, tmp_path):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (8, -5, 11), degrees=True).as_matrix()
    image = itk_image(orientation, turn)
    volume = read_image(saved(image, tmp_path / f"a{suffix}"))

    np.testing.assert_array_equal(volume.array, asymmetric_array().transpose(2, 1, 0))
    marked = np.argwhere(volume.array == 5000)[0]
    k, j, i = np.argwhere(sitk.GetArrayViewFromImage(image) == 5000)[0]
    left, posterior, superior = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
    np.testing.assert_allclose(volume.world_of(marked), (-left, -posterior, superior), atol=1e-9)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize("orientation", ORIENTATIONS[::7])
def test_writing_gives_back_the_stored_grid(orientation, suffix, tmp_path):
    image = itk_image(orientation)
    volume = read_image(saved(image, tmp_path / f"a{suffix}"))

    write_volume(volume, tmp_path / f"b{suffix}", description="SYNTHETIC")

    again = sitk.ReadImage(str(tmp_path / f"b{suffix}"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(again.GetOrigin(), image.GetOrigin(), atol=1e-12)
    np.testing.assert_allclose(again.GetDirection(), image.GetDirection(), atol=1e-12)
    np.testing.assert_allclose(again.GetSpacing(), image.GetSpacing(), atol=1e-12)
    assert again.GetMetaData("description") == "SYNTHETIC"


def test_formats_can_be_changed_without_moving_anything(tmp_path):
    volume = read_image(saved(itk_image("PIL"), tmp_path / "a.nrrd"))
    write_volume(volume, tmp_path / "a.nii.gz")
    nifti = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(nifti.array, volume.array)
    np.testing.assert_allclose(nifti.affine, volume.affine, atol=1e-5)
    assert nifti.source is not None
    assert nifti.source.orientation == ("P", "I", "L")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels_are_whole_numbers(suffix, tmp_path):
    labels = sitk.GetImageFromArray(np.full((3, 4, 5), 4, np.int64))
    volume = read_segmentation(saved(labels, tmp_path / f"a{suffix}"))
    assert volume.array.dtype == np.uint8
    assert (volume.array == 4).all()


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize(
    "image",
    [
        sitk.Image([4, 4, 4, 3], sitk.sitkUInt8),
        sitk.Image([4, 4], sitk.sitkUInt8),
        sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3),
        sitk.Image([4, 4, 4], sitk.sitkComplexFloat32),
    ],
    ids=["4D", "2D", "vector", "complex"],
)
def test_what_is_not_one_real_volume_is_refused(image, suffix, tmp_path):
    path = saved(image, tmp_path / f"a{suffix}")
    with pytest.raises(VolumeError):
        read_image(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_fourth_axis_of_one_is_dropped(suffix, tmp_path):
    path = saved(sitk.Image([5, 4, 3, 1], sitk.sitkUInt8), tmp_path / f"a{suffix}")
    assert read_image(path).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NDims = 3", b"NDims = -3"),
        (b"NDims = 3", b"NDims = 99"),
        (b"DimSize = 9 10 11", b"DimSize = 9000 9000 9000"),
        (b"DimSize = 9 10 11", b"DimSize = 9 10"),
        (b"DimSize = 9 10 11", b"DimSize = 9 10 11\nDimSize = 9 10 11"),
        (b"ElementSpacing = 1.5", b"ElementSpacing = nan"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = /dev/zero"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = LIST"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = ../a.raw"),
        (b"CompressedDataSize = ", b"CompressedDataSize = 9999"),
    ],
)
def test_metaimage_headers_that_could_harm_are_refused(old, new, tmp_path):
    path = saved(itk_image(), tmp_path / "a.mha", useCompression=True)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(VolumeError):
        read_image(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"dimension: 3", b"dimension: 17"),
        (b"sizes: 9 10 11", b"sizes: 9000 9000 9000"),
        (b"sizes: 9 10 11", b"sizes: 9 10"),
        (b"(-1.5,0,0)", b"(inf,0,0)"),
        (b"(-1.5,0,0)", b"(0,0,0)"),
        (b"encoding: gzip", b"encoding: gzip\ndata file: /dev/zero"),
        (b"encoding: gzip", b"encoding: hex"),
        (b"type: short", b"type: block"),
        (b"NRRD0004", b"NRRD4"),
    ],
)
def test_nrrd_headers_that_could_harm_are_refused(old, new, tmp_path):
    path = saved(itk_image(), tmp_path / "a.nrrd", useCompression=True)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(VolumeError):
        read_image(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_compressed_must_be_there(suffix, tmp_path, monkeypatch):
    path = saved(sitk.Image([60, 60, 60], sitk.sitkInt16), tmp_path / f"a{suffix}")
    voxel_file = tmp_path / "a.raw" if suffix == ".mhd" else path
    voxel_file.write_bytes(voxel_file.read_bytes()[:200_000])
    monkeypatch.setattr(sitk.ImageFileReader, "Execute", pytest.fail)  # nothing is allocated
    with pytest.raises(VolumeError, match="432,000 bytes of voxels") as caught:
        read_image(path)
    assert str(path) in caught.value.problem


def test_a_file_of_voxels_is_named_without_its_folder(tmp_path):
    path = saved(itk_image(), tmp_path / "a.mhd", useCompression=True)
    voxel_file = tmp_path / "a.zraw"
    voxel_file.write_bytes(voxel_file.read_bytes()[:100])
    with pytest.raises(VolumeError, match=r"a\.mhd is truncated.*the file a\.zraw") as caught:
        read_image(path)
    assert str(voxel_file) not in caught.value.problem
    content = path.read_bytes()
    for name in (b"/home/doe/a.zraw", b"C:\\doe\\a.zraw"):
        path.write_bytes(content.replace(b"a.zraw", name))
        with pytest.raises(VolumeError, match=r"names '\.\.\./a\.zraw'") as caught:
            read_image(path)
        assert "doe" not in caught.value.problem


@pytest.mark.parametrize(
    ("space", "notes"),
    [
        (b"space: left-posterior-superior\n", 0),
        (b"space: RAS\n", 0),
        (b"space dimension: 3\n", 1),
        (b"space: scanner-xyz\n", 1),
    ],
)
def test_a_nrrd_file_that_names_no_anatomical_space_is_noted(space, notes, tmp_path):
    path = saved(itk_image(), tmp_path / "a.nrrd")
    content = path.read_bytes()
    assert b"space: left-posterior-superior\n" in content
    path.write_bytes(content.replace(b"space: left-posterior-superior\n", space, 1))
    volume = read_image(path)
    assert len(volume.notes) == notes
    assert all("no anatomical space" in note for note in volume.notes)


def test_sheared_grids_are_not_written(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.2
    grid = SourceGrid.of((3, 4, 5), affine)
    volume = Volume(np.zeros((5, 4, 3), np.float32), grid.canonical_affine, grid)
    with pytest.raises(OutputError, match="sheared"):
        write_volume(volume, tmp_path / "a.nrrd")
    assert list(tmp_path.iterdir()) == []


def test_metaimage_pairs_are_read_but_not_written(tmp_path):
    volume = read_image(saved(itk_image(), tmp_path / "a.mhd"))
    with pytest.raises(OutputError, match="no format"):
        write_volume(volume, tmp_path / "b.mhd")
