"""Bad input and bad disks: one sentence that helps, nothing half-written, memory bounded."""

import contextlib
import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tumor_synth.errors import OutputError, TumorSynthError, VolumeError
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.stored_image import three_axes
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from tests.conftest import phantom_in_orientation

FORMATS = ("a.nii", "a.nii.gz", "b.nii", "a.nrrd", "a.mha", "u.mha", "u.mhd")


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    phantom = phantom_in_orientation("LPS")
    for name in ("a.nii", "a.nii.gz"):
        nib.save(phantom, folder / name)
    nib.save(nib.Nifti2Image.from_image(phantom), folder / "b.nii")
    volume = read_image(folder / "a.nii")
    for name in ("a.nrrd", "a.mha"):
        write_volume(volume, folder / name)
    for name in ("u.mha", "u.mhd"):
        sitk.WriteImage(sitk.ReadImage(str(folder / "a.mha")), str(folder / name))
    return folder


def refusal(path, words):
    with pytest.raises(VolumeError, match=words) as caught:
        read_image(path)
    assert str(path) in caught.value.problem
    return caught.value


def test_missing_file(tmp_path):
    assert "spelling" in refusal(tmp_path / "none.nii.gz", "does not exist").remedy


def test_empty_file(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.touch()
    refusal(path, "is empty")


def test_folder(tmp_path):
    refusal(tmp_path, "is a folder, not an image")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.nii")
    refusal(tmp_path / "a.nii", "not a regular file")


@pytest.mark.parametrize("name", ["IM0001", "series/slice.dcm", "deep/er/IM0001"])
def test_dicom_folders_get_the_name_of_a_converter(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    assert "dcm2niix" in refusal(tmp_path, "folder of DICOM").remedy


@pytest.mark.parametrize("name", ["IM0001", "a.dcm", "a.nii"])
def test_dicom_files_get_the_name_of_a_converter(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    assert "dcm2niix" in refusal(path, "is a DICOM file").remedy


@pytest.mark.parametrize("name", ["a.png", "a.hdr", "image", "a.gz"])
def test_unknown_suffixes_name_the_known_ones(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"content")
    assert ".nii.gz" in refusal(path, "no known image format").remedy


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"])
def test_text_under_an_images_name(name, tmp_path):
    path = tmp_path / name
    path.write_text("not an image\n" * 100)
    refusal(path, "not a NIfTI file|not what its suffix says")


def test_analyze_and_pairs_are_named(tmp_path):
    path = tmp_path / "a.nii"
    header = nib.Nifti1Pair(np.zeros((3, 4, 5), np.uint8), np.eye(4)).header
    path.write_bytes(header.binaryblock + bytes(60))
    refusal(path, "half of a NIfTI pair")
    path.write_bytes(nib.AnalyzeHeader().binaryblock + bytes(60))
    refusal(path, "not a NIfTI file")


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(good_files, tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes((good_files / "a.nii").read_bytes())
    path.chmod(0)
    refusal(path, "cannot be read")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.97])
def test_truncated_files(name, share, good_files, tmp_path):
    content = (good_files / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path, "truncated|damaged|not a NIfTI|not what|not beside it")


def test_a_wrong_checksum_is_found(good_files, tmp_path):
    content = bytearray((good_files / "a.nii.gz").read_bytes())
    content[-8] ^= 0xFF
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    refusal(path, "damaged")


def header_promising(shape, dtype=np.uint8):
    header = nib.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    header.set_sform(np.eye(4), code=1)
    return header.binaryblock + bytes(4)


def peak_bytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(header_promising((30000, 30000, 30000))), "more than any head scan"),
        (gzip.compress(header_promising((600, 600, 600)) + bytes(1000)), "cannot hold"),
        (header_promising((600, 600, 600)) + bytes(1000), "cannot hold"),
        (gzip.compress(header_promising((40, 40, 40)) + bytes(1 << 26)), "more data than"),
        (
            gzip.compress(
                header_promising((4, 4, 4)).replace(
                    struct.pack("<f", 352), struct.pack("<f", 2.0**30), 1
                )
                + bytes(1 << 26)
            ),
            "voxels should start",
        ),
    ],
    ids=["giant", "truncated gz", "truncated", "bomb", "extension bomb"],
)
def test_memory_follows_what_the_file_holds_not_what_it_promises(content, words, tmp_path):
    path = tmp_path / ("a.nii.gz" if content[:2] == b"\x1f\x8b" else "a.nii")
    path.write_bytes(content)
    assert peak_bytes(lambda: refusal(path, words)) < 16 << 20


def test_a_whole_head_at_half_a_millimetre_is_within_the_limits():
    assert three_axes(Path("head.nii.gz"), (512, 512, 400)) == (512, 512, 400)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(FORMATS))
def test_damage_never_gives_anything_but_a_volume_or_a_sentence(data, name, good_files):
    content = bytearray((good_files / name).read_bytes())
    reach = len(content) if name.endswith(".gz") else min(len(content), 600)
    for place in data.draw(st.lists(st.integers(0, reach - 1), min_size=1, max_size=6)):
        content[place : place + 1] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"-", b"9", b" ", b"\n"]))
        )
    path = good_files / f"damaged_{name}"
    path.write_bytes(content)
    reader = data.draw(st.sampled_from([read_image, read_segmentation]))

    def read():
        with contextlib.suppress(TumorSynthError):
            volume = reader(path)
            assert np.isfinite(volume.array).all()
            assert np.isfinite(volume.affine).all()

    assert peak_bytes(read) < 64 << 20


def test_nothing_is_left_when_the_disk_is_full_half_way(tmp_path):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix thing")
    rng = np.random.default_rng(0)
    volume = Volume(rng.normal(size=(40, 40, 40)).astype(np.float32), np.eye(4))
    write_volume(Volume(volume.array + 1, np.eye(4)), tmp_path / "old.nii.gz")
    before = (tmp_path / "old.nii.gz").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha", "old.nii.gz"):
            with pytest.raises(OutputError):
                write_volume(volume, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["old.nii.gz"]
    assert (tmp_path / "old.nii.gz").read_bytes() == before


@pytest.mark.parametrize("name", ["a.png", "a", "a.img"])
def test_unknown_output_formats_are_refused(name, tmp_path):
    with pytest.raises(OutputError, match=r"no format"):
        write_volume(Volume(np.zeros((3, 4, 5), np.float32), np.eye(4)), tmp_path / name)


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        write_volume(
            Volume(np.zeros((3, 4, 5), np.float32), np.eye(4)), Path(tmp_path, "file", "a.nii")
        )
