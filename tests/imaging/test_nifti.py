"""NIfTI: exact round trips, true positions by independent readers, plain refusals."""

import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from tests.conftest import ORIENTATIONS, asymmetric_array, phantom_in_orientation

MARK = 5000


def saved(image, path):
    nib.save(image, path)
    return path


def world_of_mark(volume):
    return volume.world_of(np.argwhere(volume.array == MARK)[0])


def world_of_mark_by_itk(path):
    image = sitk.ReadImage(str(path))
    k, j, i = np.argwhere(sitk.GetArrayViewFromImage(image) == MARK)[0]
    left, posterior, superior = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
    return np.array([-left, -posterior, superior])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_round_trip_in_every_orientation(orientation, tmp_path):
    path = saved(phantom_in_orientation(orientation), tmp_path / "a.nii.gz")
    stored = nib.load(path)

    volume = read_image(path)
    write_volume(volume, tmp_path / "b.nii.gz")

    np.testing.assert_array_equal(volume.array, asymmetric_array().transpose(2, 1, 0))
    true_place = nib.affines.apply_affine(
        stored.affine, np.argwhere(np.asarray(stored.dataobj) == MARK)[0]
    )
    np.testing.assert_allclose(world_of_mark(volume), true_place, atol=1e-9)
    np.testing.assert_allclose(world_of_mark_by_itk(tmp_path / "b.nii.gz"), true_place, atol=1e-4)
    again = nib.load(tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(again.get_fdata(), stored.get_fdata())
    np.testing.assert_array_equal(again.affine, stored.affine)
    assert again.header["qform_code"] == stored.header["qform_code"]


@settings(max_examples=30, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    orientation=st.sampled_from(ORIENTATIONS),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    kind=st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]),
)
def test_oblique_files_of_any_type_come_back_bit_by_bit(
    tmp_path_factory, angles, orientation, dtype, kind
):
    folder = tmp_path_factory.mktemp("oblique")
    base = phantom_in_orientation(orientation, (asymmetric_array() % 251).astype(dtype))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    path = saved(kind(np.asarray(base.dataobj), turn @ base.affine), folder / "a.nii")

    volume = read_image(path)
    write_volume(volume, folder / "b.nii")

    first, second = nib.load(path), nib.load(folder / "b.nii")
    assert type(second) is type(first)
    np.testing.assert_array_equal(second.get_fdata(), first.get_fdata())
    np.testing.assert_array_equal(second.affine, first.affine)
    corner = np.array(volume.shape) - 1
    index = np.linalg.solve(first.affine, [*volume.world_of(corner), 1])[:3]
    value = first.get_fdata()[tuple(np.rint(index).astype(int))]
    assert value == volume.array[tuple(corner)]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_scaled_integers_are_intensities(suffix, tmp_path):
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.25, -3)
    path = tmp_path / f"a{suffix}"
    image.to_filename(path)

    volume = read_image(path)
    write_volume(volume, tmp_path / f"b{suffix}")

    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array.transpose(2, 1, 0), nib.load(path).get_fdata())
    np.testing.assert_array_equal(read_image(tmp_path / f"b{suffix}").array, volume.array)


def test_big_endian_files_are_read(tmp_path):
    image = nib.Nifti1Image(asymmetric_array(), np.eye(4)).header.as_byteswapped(">")
    path = saved(nib.Nifti1Image(asymmetric_array(), np.eye(4), image), tmp_path / "a.nii")
    assert path.read_bytes()[:4] == (348).to_bytes(4, "big")
    np.testing.assert_array_equal(read_image(path).array, asymmetric_array().transpose(2, 1, 0))


def test_the_bytes_tell_whether_a_file_is_gzipped(tmp_path):
    plain = saved(phantom_in_orientation("LPS"), tmp_path / "a.nii")
    misnamed = tmp_path / "b.nii"
    misnamed.write_bytes(gzip.compress(plain.read_bytes()))
    np.testing.assert_array_equal(read_image(misnamed).array, read_image(plain).array)


def test_a_trailing_axis_of_one_is_dropped(tmp_path):
    image = nib.Nifti1Image(asymmetric_array()[..., np.newaxis], np.eye(4))
    assert read_image(saved(image, tmp_path / "a.nii")).shape == (11, 10, 9)


def test_labels_keep_their_numbers_and_type(tmp_path):
    labels = np.zeros((4, 5, 6), np.float64)
    labels[1, 2, 3] = 4
    image = nib.Nifti1Image(labels, np.diag([-1, -1, 1, 1.0]))
    volume = read_segmentation(saved(image, tmp_path / "a.nii"))
    assert volume.array.dtype == np.uint8
    assert volume.array[3, 5 - 1 - 2, 4 - 1 - 1] == 4
    write_volume(volume, tmp_path / "b.nii.gz")
    assert nib.load(tmp_path / "b.nii.gz").get_data_dtype() == np.uint8
    labels[0, 0, 0] = 300
    image = nib.Nifti1Image(labels, np.eye(4))
    assert read_segmentation(saved(image, tmp_path / "c.nii")).array.max() == 300


@pytest.mark.parametrize("value", [0.5, -1, 70000])
def test_an_image_is_no_segmentation(value, tmp_path):
    array = np.zeros((3, 3, 3), np.float32)
    array[1, 1, 1] = value
    path = saved(nib.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(VolumeError, match="swapped"):
        read_segmentation(path)


def test_an_image_of_whole_numbers_is_no_segmentation(tmp_path):
    path = saved(phantom_in_orientation("LPS"), tmp_path / "a.nii")
    with pytest.raises(VolumeError, match="different values"):
        read_segmentation(path)


def test_disagreeing_forms_are_reported_and_the_sform_is_used(tmp_path):
    image = nib.Nifti1Image(asymmetric_array(), np.eye(4))
    shifted = np.eye(4)
    shifted[:3, 3] = (0, 3, 0)
    image.set_sform(shifted, code=1)
    image.set_qform(np.eye(4), code=1)
    path = saved(image, tmp_path / "a.nii")

    volume = read_image(path)
    write_volume(volume, tmp_path / "b.nii")

    assert volume.notes == ("sform and qform disagree by 3 mm; the sform is used.",)
    np.testing.assert_array_equal(volume.affine, shifted)
    again = nib.load(tmp_path / "b.nii")
    np.testing.assert_array_equal(again.get_sform(), shifted)
    np.testing.assert_array_equal(again.get_qform(), np.eye(4))


def test_the_qform_places_an_image_without_sform(tmp_path):
    image = nib.Nifti1Image(asymmetric_array(), None)
    place = np.diag([-2.0, -2, 2, 1])
    image.set_qform(place, code=1)
    image.set_sform(None, code=0)
    volume = read_image(saved(image, tmp_path / "a.nii"))
    assert volume.notes == ()
    assert volume.source is not None
    np.testing.assert_allclose(volume.source.affine, place, atol=1e-6)


def test_missing_position_and_odd_units_are_noted(tmp_path):
    image = nib.Nifti1Image(asymmetric_array(), None)
    image.header.set_xyzt_units("micron")
    notes = read_image(saved(image, tmp_path / "a.nii")).notes
    assert "no position" in notes[0]
    assert "micrometres" in notes[1]


def test_missing_voxel_sizes_are_noted_where_they_count(tmp_path):
    image = nib.Nifti1Image(asymmetric_array(), None)
    image.set_qform(np.diag([2.0, 2, 2, 1]), code=1)
    image.set_sform(None, code=0)
    path = saved(image, tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[84:88] = np.float32(0).tobytes()  # pixdim[2]
    path.write_bytes(content)
    volume = read_image(path)
    assert volume.notes == ("The header gives no voxel size along 1 of 3 axes; 1 mm is taken.",)
    assert volume.spacing == (2, 1, 2)

    image.set_sform(np.diag([3.0, 3, 3, 1]), code=1)
    image.set_qform(None, code=0)
    content = bytearray(saved(image, path).read_bytes())
    content[80:92] = bytes(12)
    path.write_bytes(content)
    assert read_image(path).spacing == (3, 3, 3)
    assert read_image(path).notes == ()


@pytest.mark.parametrize(
    ("dtype", "largest", "is_noted"),
    [
        (np.int16, -32768, False),
        (np.uint16, 65535, False),
        (np.int32, 2**24, False),
        (np.int32, 2**24 + 1, True),
        (np.int32, -(2**24) - 1, True),
        (np.uint32, 2**31, False),  # a power of two is kept
        (np.int64, 2**53 + 1, True),
        (np.float64, 0.1, False),
    ],
)
def test_whole_numbers_that_single_precision_rounds_are_noted(dtype, largest, is_noted, tmp_path):
    array = np.zeros((3, 4, 5), dtype)
    array[1, 2, 3] = largest
    path = saved(nib.Nifti1Image(array, np.eye(4), dtype=dtype), tmp_path / "a.nii")
    volume = read_image(path)
    kept = float(volume.array[3, 2, 1])
    assert is_noted == (dtype is not np.float64 and kept != largest)
    assert [f"up to {abs(largest):,}" in note for note in volume.notes] == [True] * is_noted


def test_a_volume_without_a_file_is_written_in_canonical_order(tmp_path):
    affine = np.diag([1.0, 2, 3, 1])
    volume = Volume(asymmetric_array().transpose(2, 1, 0).astype(np.float32), affine)
    write_volume(volume, tmp_path / "a.nii.gz", description="SYNTHETIC")
    image = nib.load(tmp_path / "a.nii.gz")
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    np.testing.assert_array_equal(image.get_fdata(), asymmetric_array())
    assert image.header["descrip"].item() == b"SYNTHETIC"
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-6)


def test_canonical_can_be_asked_for(tmp_path):
    volume = read_image(saved(phantom_in_orientation("PIL"), tmp_path / "a.nii"))
    write_volume(volume, tmp_path / "b.nii", grid="canonical")
    np.testing.assert_array_equal(nib.load(tmp_path / "b.nii").get_fdata(), asymmetric_array())
    np.testing.assert_allclose(world_of_mark(read_image(tmp_path / "b.nii")), world_of_mark(volume))


def test_free_text_of_the_header_stays_behind(tmp_path):
    image = phantom_in_orientation("LPS")
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = b"DOE^JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE"))
    path = saved(image, tmp_path / "a.nii")
    assert path.read_bytes().count(b"DOE^JANE") == 5
    write_volume(read_image(path), tmp_path / "b.nii", description="x" * 200)
    assert b"DOE" not in (tmp_path / "b.nii").read_bytes()


def test_the_same_volume_gives_the_same_bytes(tmp_path):
    volume = read_image(saved(phantom_in_orientation("LPS"), tmp_path / "a.nii"))
    write_volume(volume, tmp_path / "b.nii.gz")
    write_volume(volume, tmp_path / "c.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()


def test_sheared_grids_are_kept_by_the_sform_alone(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.2
    write_volume(Volume(np.ones((3, 4, 5), np.float32), affine), tmp_path / "a.nii")
    header = nib.load(tmp_path / "a.nii").header
    assert int(header["qform_code"]) == 0
    volume = read_image(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.affine, affine, atol=1e-7)
    assert volume.notes == ()


def test_a_damaged_qform_is_noted(tmp_path):
    path = saved(phantom_in_orientation("LPS"), tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    assert nib.load(path).header["qform_code"] == 0
    content[252:254] = (1).to_bytes(2, "little")  # qform_code
    content[256:268] = np.array([3, 3, 3], "<f4").tobytes()  # no quaternion is that long
    path.write_bytes(content)
    assert read_image(path).notes == ("The qform is damaged; the sform is used.",)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (70, np.int16(9999), "damaged header"),  # datatype
        (116, np.float32(np.inf), "damaged header"),  # scl_inter
        (108, np.float32(100), "damaged header"),  # vox_offset
        (280, np.float32(1e30), "mm away"),  # srow_x
        (280, np.float32(np.nan), "not finite"),
    ],
)
def test_header_fields_without_sense_are_refused(place, value, words, tmp_path):
    image = phantom_in_orientation("RAS")
    path = saved(image, tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[112:116] = np.float32(1).tobytes()  # scl_slope, so that the intercept counts
    content[place : place + value.nbytes] = value.tobytes()
    path.write_bytes(content)
    with pytest.raises(VolumeError, match=words):
        read_image(path)


@pytest.mark.parametrize(
    ("array", "stored"),
    [
        (np.ones((3, 4, 5), bool), np.uint8),
        (np.ones((3, 4, 5), np.int64), np.int32),
        (np.ones((3, 4, 5), np.float64), np.float32),
        (np.ones((3, 4, 5), np.uint16), np.uint16),
    ],
)
def test_types_that_other_programs_read(array, stored, tmp_path):
    write_volume(Volume(array, np.eye(4)), tmp_path / "a.nii")
    assert nib.load(tmp_path / "a.nii").get_data_dtype() == stored


def test_labels_too_large_to_store_are_refused(tmp_path):
    with pytest.raises(OutputError, match="too large"):
        write_volume(Volume(np.full((3, 4, 5), 2**40), np.eye(4)), tmp_path / "a.nii")


def unusable_images():
    nan = np.zeros((3, 4, 5), np.float32)
    nan[0, :2, 0] = (np.nan, np.inf)
    flat = nib.Nifti1Image(np.zeros((3, 4, 5), np.uint8), None)
    flat.header["sform_code"] = 1
    flat.header["srow_x"] = (1, 0, 0, 0)
    colour = np.zeros((3, 4, 5), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    eye = np.eye(4)
    return {
        "has 4 axes": nib.Nifti1Image(np.zeros((3, 4, 5, 2), np.uint8), eye),
        "has 2 axes": nib.Nifti1Image(np.zeros((3, 4), np.uint8), eye),
        "no voxels": nib.Nifti1Image(np.zeros((3, 0, 5), np.uint8), eye),
        "NaN or infinite, 2 in all": nib.Nifti1Image(nan, eye),
        "affine is singular": flat,
        "complex values": nib.Nifti1Image(np.zeros((3, 4, 5), np.complex64), eye),
        "colour values": nib.Nifti1Image(colour, eye),
    }


@pytest.mark.parametrize("reader", [read_image, read_segmentation])
@pytest.mark.parametrize("words", unusable_images())
def test_unusable_images_are_refused_with_a_reason(words, reader, tmp_path):
    path = saved(unusable_images()[words], tmp_path / "a.nii")
    with pytest.raises(VolumeError, match=words) as caught:
        reader(path)
    assert str(path) in caught.value.problem
    assert caught.value.remedy
