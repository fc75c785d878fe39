"""Saved ROIs come back as they were, lie where the parent lies, and tell nothing private."""

import errno
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.imaging import roi_files
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi, put_back, regrid_roi
from napari_tumor_synth.imaging.roi_files import read_roi, write_roi, write_roi_images
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from tests.conftest import brain_case, phantom_in_orientation

SETTINGS = RoiSettings(size=(24, 26, 28))


@pytest.fixture(scope="module")
def roi():
    image, labels = brain_case()
    other = replace(image, array=image.array[:, ::-1].copy())
    return extract_roi({"flair": image, "t1_ce": other}, labels, SETTINGS)


@pytest.fixture(scope="module")
def single(roi):
    return replace(roi, image=roi.image[:1], sequences=("flair",), windows=roi.windows[:1])


def assert_same(first: Roi, second: Roi):
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_allclose(first.affine, second.affine, atol=1e-5)
    for field in ("sequences", "settings", "windows", "lost_fraction", "warnings"):
        assert getattr(first, field) == getattr(second, field)
    assert first.parent is not None
    assert second.parent is not None
    assert first.parent.shape == second.parent.shape
    np.testing.assert_allclose(first.parent.affine, second.parent.affine)


def test_one_sequence_comes_back(single, tmp_path):
    files = write_roi(single, tmp_path, "case_7")
    names = {"case_7_roi.nii.gz", "case_7_mask.nii.gz", "case_7_roi.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert_same(read_roi(files.images[0]), single)
    assert_same(read_roi(files.sidecar), single)


def test_several_sequences_come_back_by_the_record(roi, tmp_path):
    files = write_roi(roi, tmp_path, "case_7")
    assert [path.name for path in files.images] == [
        "case_7_flair_roi.nii.gz",
        "case_7_t1_ce_roi.nii.gz",
    ]
    assert_same(read_roi(files.sidecar), roi)
    second = read_roi(files.images[1])
    assert second.sequences == ("t1_ce",)
    assert second.windows == roi.windows[1:]
    np.testing.assert_array_equal(second.image[0], roi.image[1])


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SAL"])
def test_files_overlay_the_parents_file_in_other_programs(orientation, tmp_path):
    image, labels = brain_case()
    for name, volume in (("image", image), ("labels", labels)):
        array = volume.array.transpose(2, 1, 0)
        stored = phantom_in_orientation(orientation, array, image.affine)
        nib.save(stored, tmp_path / f"{name}.nii.gz")
    parent = read_image(tmp_path / "image.nii.gz")
    cut = extract_roi({"flair": parent}, read_segmentation(tmp_path / "labels.nii.gz"), SETTINGS)

    files = write_roi(cut, tmp_path, "case")

    saved, mask = sitk.ReadImage(str(files.images[0])), sitk.ReadImage(str(files.mask))
    original = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))
    onto_parent = sitk.Resample(mask, original, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(onto_parent), sitk.GetArrayFromImage(original) > 0
    )
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(saved) > -1, sitk.GetArrayFromImage(mask) == 1
    )
    window = json.loads(files.sidecar.read_text())["windows"][0]
    values = sitk.GetArrayFromImage(sitk.Resample(saved, original, sitk.Transform(), 1, -1.0))
    parent_values = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "image.nii.gz")))
    inside = values > -1
    expected = parent_values[inside].clip(window["low"], window["high"])
    share = (values[inside] + 0.9) / 1.9
    restored = window["low"] + share * (window["high"] - window["low"])
    np.testing.assert_allclose(restored, expected, rtol=1e-5)


def test_a_saved_roi_can_be_put_back_and_regridded(single, tmp_path):
    image, _ = brain_case()
    again = read_roi(write_roi(single, tmp_path, "a").images[0])
    expected = put_back(single, image).array
    np.testing.assert_array_equal(put_back(again, image).array, expected)
    coarse = regrid_roi(again, (16, 16, 16), 2)
    np.testing.assert_array_equal(coarse.mask, regrid_roi(single, (16, 16, 16), 2).mask)


def test_the_record_holds_neither_paths_nor_names(single, tmp_path):
    record = write_roi(single, tmp_path, "DOE_JANE").sidecar.read_text()
    assert "DOE" not in record
    assert str(tmp_path) not in record
    assert set(json.loads(record)) == {
        "format",
        "sequences",
        "settings",
        "windows",
        "lost_fraction",
        "warnings",
        "parent",
    }


def test_an_image_needs_no_record(single, tmp_path):
    images, mask = write_roi_images(single, tmp_path, "a", description="SYNTHETIC")
    again = read_roi(images[0])
    np.testing.assert_array_equal(again.image, single.image)
    assert again.settings == SETTINGS
    assert again.windows == ()
    assert again.parent is None
    assert nib.load(images[0]).header["descrip"].item() == b"SYNTHETIC"
    np.testing.assert_array_equal(read_segmentation(mask).array, single.mask)


def test_dark_tumour_voxels_of_other_programs_are_raised(single, tmp_path):
    array = single.image[0].copy()
    first = np.argwhere(single.mask)[0]
    array[tuple(first)] = -0.99
    write_volume(Volume(array, single.affine), tmp_path / "a.nii.gz")
    again = read_roi(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(again.mask, single.mask)
    assert again.image[0][tuple(first)] == np.float32(-0.9)
    assert "were below -0.9" in again.warnings[0]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.linspace(0, 255, 1000), "span 0 to 255"),
        (np.linspace(-0.5, 1, 1000), "no voxel is background"),
        (np.full(1000, -1), "every voxel is background"),
    ],
)
def test_images_that_are_no_rois_are_refused(array, words, tmp_path):
    volume = Volume(array.reshape(10, 10, 10).astype(np.float32), np.eye(4))
    write_volume(volume, tmp_path / "a.nii.gz")
    with pytest.raises(VolumeError, match=words):
        read_roi(tmp_path / "a.nii.gz")


def test_grids_that_no_roi_has_are_refused(single, tmp_path):
    volume = Volume(single.image[0][:5], single.affine)
    write_volume(volume, tmp_path / "a.nii.gz")
    with pytest.raises(VolumeError, match="not an ROI"):
        read_roi(tmp_path / "a.nii.gz")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, '{"format": "something else"}', "\udcff"]
)
def test_damaged_records_are_refused(content, single, tmp_path):
    files = write_roi(single, tmp_path, "a")
    files.sidecar.write_bytes(content.encode("utf-8", "surrogateescape"))
    for path in (files.sidecar, files.images[0]):
        with pytest.raises(VolumeError, match="record"):
            read_roi(path)


def test_a_record_of_another_image_is_refused(single, tmp_path):
    files = write_roi(single, tmp_path, "a")
    content = json.loads(files.sidecar.read_text())
    content["settings"]["size"] = [64, 64, 64]
    files.sidecar.write_text(json.dumps(content))
    with pytest.raises(VolumeError, match="belongs to another image"):
        read_roi(files.images[0])


def test_missing_files_are_named(roi, tmp_path):
    with pytest.raises(VolumeError, match="does not exist"):
        read_roi(tmp_path / "none_roi.json")
    files = write_roi(roi, tmp_path, "a")
    files.images[1].unlink()
    with pytest.raises(VolumeError, match=r"t1_ce_roi\.nii\.gz does not exist"):
        read_roi(files.sidecar)


@pytest.mark.parametrize("writer", [write_roi, write_roi_images])
def test_a_rewrite_that_fails_leaves_the_earlier_roi(writer, roi, tmp_path, monkeypatch):
    write_roi(roi, tmp_path, "a")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    store = roi_files.store_volume

    def full_at_the_mask(volume, temporary, description):
        if volume.array.dtype == bool:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        store(volume, temporary, description)

    monkeypatch.setattr(roi_files, "store_volume", full_at_the_mask)
    darker = replace(roi, image=np.where(roi.mask, roi.image * 0.5, roi.image))
    with pytest.raises(OutputError, match=r"a_mask\.nii\.gz: No space left"):
        writer(darker, tmp_path, "a")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_new_roi_leaves_no_images_of_the_one_before(roi, single, tmp_path):
    write_roi(roi, tmp_path, "a")
    write_roi(single, tmp_path, "a_t1_ce")  # replaces an image and brings a record for it
    assert_same(read_roi(write_roi(single, tmp_path, "a").sidecar), single)
    assert {path.name for path in tmp_path.iterdir() if path.name.endswith("_roi.nii.gz")} == {
        "a_roi.nii.gz",
        "a_t1_ce_roi.nii.gz",
    }
    write_roi(roi, tmp_path, "a")
    assert not (tmp_path / "a_roi.nii.gz").exists()


def test_images_that_no_record_names_stay(roi, single, tmp_path):
    theirs = tmp_path / "a_t2_roi.nii.gz"
    theirs.write_bytes(b"theirs")
    (tmp_path / "a_roi.json").write_text("{")
    write_roi_images(single, tmp_path, "a")
    write_roi(roi, tmp_path, "a")  # a damaged record proves nothing
    write_roi(single, tmp_path, "a")
    assert theirs.read_bytes() == b"theirs"


def test_an_image_that_a_record_of_several_does_not_name_is_refused(roi, single, tmp_path):
    image = write_roi_images(single, tmp_path, "a")[0][0]
    write_roi(roi, tmp_path, "a")
    with pytest.raises(VolumeError, match=r"a_roi\.json names other images than a_roi\.nii\.gz"):
        read_roi(image)


def test_a_record_of_one_sequence_does_not_speak_for_a_longer_name(roi, single, tmp_path):
    write_roi(single, tmp_path, "a")
    (image, _), _ = write_roi_images(roi, tmp_path, "a")
    assert image.name == "a_flair_roi.nii.gz"
    assert read_roi(image).parent is None


def test_the_longest_name_finds_the_record(roi, tmp_path):
    coarse = regrid_roi(roi, (16, 16, 16), 2)
    write_roi(coarse, tmp_path, "P1")
    files = write_roi(roi, tmp_path, "P1_2")
    again = read_roi(files.images[1])
    assert again.settings == SETTINGS
    assert again.windows == roi.windows[1:]
    assert read_roi(tmp_path / "P1_t1_ce_roi.nii.gz").settings == coarse.settings


def test_a_tumour_may_fill_its_box(tmp_path):
    image, labels = brain_case()
    tiny = RoiSettings(size=(8, 8, 8), spacing_mm=0.5)
    filled = extract_roi({"flair": image}, labels, tiny)
    assert filled.mask.all()
    files = write_roi(filled, tmp_path, "a")
    for path in (files.sidecar, files.images[0]):
        np.testing.assert_array_equal(read_roi(path).image, filled.image)
        assert read_roi(path).mask.all()
    files.sidecar.unlink()
    with pytest.raises(VolumeError, match="no voxel is background"):
        read_roi(files.images[0])


def test_none_of_the_files_is_left_when_one_cannot_be_written(roi, tmp_path):
    (tmp_path / "a_mask.nii.gz").mkdir()
    with pytest.raises(OutputError):
        write_roi(roi, tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a_mask.nii.gz"]
