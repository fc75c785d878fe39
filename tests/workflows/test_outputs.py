import gzip

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.workflows.outputs import (
    is_described_as,
    output_folder,
    require_not_input,
    require_replaceable,
)


def test_a_folder_made_for_nothing_is_removed(tmp_path):
    with pytest.raises(OutputError), output_folder(tmp_path / "a" / "b"):
        raise OutputError("x", "y")
    assert list(tmp_path.iterdir()) == []


def _write_half(folder):
    with output_folder(folder):
        (folder / "whole").write_text("")
        raise KeyboardInterrupt


def test_a_folder_that_holds_something_stays(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _write_half(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "whole").is_file()


def test_a_folder_that_was_there_stays(tmp_path):
    with pytest.raises(OutputError), output_folder(tmp_path):
        raise OutputError("x", "y")
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    ("same", "overwrite", "allowed"),
    [(True, False, True), (False, True, True), (True, True, True), (False, False, False)],
)
def test_only_the_same_thing_is_replaced(tmp_path, same, overwrite, allowed):
    path = tmp_path / "x"
    require_replaceable(path, lambda _: False, overwrite=False)
    path.write_text("")
    if allowed:
        require_replaceable(path, lambda _: same, overwrite=overwrite)
        return
    with pytest.raises(OutputError, match="holds something else"):
        require_replaceable(path, lambda _: same, overwrite=overwrite)


def test_a_folder_is_never_replaced(tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        require_replaceable(tmp_path, lambda _: True, overwrite=True)


def test_an_input_is_found_under_another_name(tmp_path):
    (tmp_path / "x").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    require_not_input(tmp_path / "y", [tmp_path / "x"])
    with pytest.raises(OutputError, match="its own input"):
        require_not_input(tmp_path / "link", [tmp_path / "y", tmp_path / "x"])


@pytest.mark.parametrize("image_class", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_files_of_others_are_known_by_their_description(tmp_path, suffix, image_class):
    path = tmp_path / f"x{suffix}"
    for order in "<>":
        empty = image_class(np.zeros((2, 2, 2), np.uint8), np.eye(4))
        header = empty.header.as_byteswapped(order)
        header["descrip"] = b"made here"
        image_class(np.zeros((2, 2, 2), np.uint8), np.eye(4), header).to_filename(path)
        assert is_described_as("made here")(path)
        assert not is_described_as("made")(path)
        assert not is_described_as("made here and there")(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_files_written_here_are_known_by_their_description(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    volume = Volume(np.zeros((2, 3, 4), np.float32), np.eye(4))
    write_volume(volume, path, description="made here, of x 0123456789ab")
    assert is_described_as("made here, of x 0123456789ab")(path)
    assert not is_described_as("made here, of x 0123456789ac")(path)
    assert not is_described_as("made here")(path)
    long = "a" * 70 + "b" * 30
    write_volume(volume, path, description=long)
    assert is_described_as(long)(path)
    write_volume(volume, path)
    assert not is_described_as("made here")(path)


def _nifti(**fields):
    header = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).header
    header["descrip"] = b"made here"
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + bytes(12)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"\x1f\x8b\x08",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff",  # zlib.error, which is no OSError
        gzip.compress(b"text"),
        bytes(348),
        _nifti(magic=b"ni1"),
        _nifti()[:340],
        b"NRRD0004\ntype: float\n\n",
    ],
)
def test_files_that_are_no_images_have_no_description(tmp_path, content, capfd):
    for name in ("x.nii", "x.nii.gz", "x.nrrd", "x.mha", "x.mhd", "x.png"):
        (tmp_path / name).write_bytes(content)
        assert not is_described_as("made here")(tmp_path / name)
        assert not is_described_as("")(tmp_path / name)
    assert not is_described_as("")(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("field", [{"vox_offset": -5}, {"datatype": 42}, {"dim": -3}])
def test_a_damaged_image_is_still_something_else(tmp_path, field, capfd):
    (tmp_path / "x.nii").write_bytes(_nifti(**field))
    assert not is_described_as("made there")(tmp_path / "x.nii")
    assert capfd.readouterr() == ("", "")
