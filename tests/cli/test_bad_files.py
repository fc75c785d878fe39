"""Images that cannot be used: every kind, through the command line."""

import gzip
import os
import resource
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

SHAPE = (24, 24, 24)


def _save(path, array, affine=None):
    nib.save(nib.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


@pytest.fixture
def image(tmp_path):
    array = np.random.default_rng(0).uniform(50, 100, SHAPE).astype(np.float32)
    return _save(tmp_path / "image.nii.gz", array)


@pytest.fixture
def labels(tmp_path):
    array = np.zeros(SHAPE, np.uint8)
    array[8:16, 8:16, 8:16] = 1
    return _save(tmp_path / "labels.nii.gz", array)


@pytest.fixture
def refuse_roi(refuse, tmp_path):
    def call(image, labels, words):
        assert words in refuse("roi", image, labels, "--out", tmp_path / "out", "--json")
        assert not (tmp_path / "out").exists()

    return call


def test_missing(refuse_roi, image, labels, tmp_path):
    refuse_roi(tmp_path / "no.nii", labels, "does not exist")
    refuse_roi(image, tmp_path / "no.nii", "does not exist")


def test_truncated(refuse_roi, image, labels):
    image.write_bytes(image.read_bytes()[:-2000])
    refuse_roi(image, labels, str(image))


def test_no_image(refuse_roi, labels, tmp_path):
    for name, content in (("a.nii", b"hello"), ("a.png", b"\x89PNG"), ("b.nii.gz", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        refuse_roi(path, labels, name)
    refuse_roi(tmp_path, labels, "is a folder")


def test_decompression_bomb(refuse_roi, labels, tmp_path):
    header = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).header
    bomb = tmp_path / "bomb.nii.gz"
    with gzip.open(bomb, "wb") as stream:
        stream.write(header.binaryblock + bytes(4) + bytes(8))
        for _ in range(200):
            stream.write(bytes(1_000_000))
    refuse_roi(bomb, labels, "bomb.nii.gz")
    giant = nib.Nifti1Header()
    giant.set_data_shape((30000, 30000, 30000))
    giant.set_data_dtype(np.float64)
    with gzip.open(bomb, "wb") as stream:
        stream.write(giant.binaryblock + bytes(4))
    refuse_roi(bomb, labels, "bomb.nii.gz")


def test_grids_differ(refuse_roi, image, tmp_path):
    labels = np.ones((24, 24, 23), np.uint8)
    refuse_roi(image, _save(tmp_path / "l.nii", labels), "grid")
    shifted = np.eye(4)
    shifted[0, 3] = 5
    refuse_roi(image, _save(tmp_path / "s.nii", np.ones(SHAPE, np.uint8), shifted), "grid")


def test_empty_segmentation(refuse_roi, image, tmp_path):
    refuse_roi(image, _save(tmp_path / "l.nii", np.zeros(SHAPE, np.uint8)), "empty")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(refuse_roi, labels, tmp_path, value):
    array = np.ones(SHAPE, np.float32)
    array[0, 0, 0] = value
    refuse_roi(_save(tmp_path / "i.nii", array), labels, "NaN or infinite")


def test_four_dimensions(refuse_roi, labels, tmp_path):
    refuse_roi(
        _save(tmp_path / "i.nii", np.ones((*SHAPE, 2), np.float32)),
        labels,
        "one 3D volume is needed",
    )


def test_image_and_segmentation_swapped(refuse_roi, image, labels):
    refuse_roi(labels, image, "swapped")


@pytest.mark.parametrize("verb", ["reconstruct", "importance"])
def test_no_roi(refuse, image, tiny, tmp_path, verb):
    out = tmp_path / "x.nii.gz"
    words = refuse(verb, image, "--out", out, "--model", tiny)
    assert "is not an ROI" in words
    assert "tumor-synth roi" in words
    assert not out.exists()


def test_the_output_is_in_the_way(refuse, image, labels, tiny, tmp_path):
    (tmp_path / "file").write_text("precious")
    out = ["--out", tmp_path / "file"]
    assert "is a file" in refuse("roi", image, labels, *out)
    assert "is a file" in refuse("generate", "--class", "LGG", "--model", tiny, *out)
    assert "is a file" in refuse("phantom", *out)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(not os.path.isdir("/proc/1"), reason="needs /proc, a folder nobody writes to")
def test_the_output_cannot_be_written(refuse, image, labels, tiny):
    out = ["--out", "/proc/here"]
    assert "/proc/here" in refuse("roi", image, labels, *out)
    assert "/proc/here" in refuse("generate", "--class", "LGG", "--model", tiny, *out)


def _limited(which, amount, *arguments):
    """Run the command line in a process that has less of something."""
    return subprocess.run(
        [sys.executable, "-m", "napari_tumor_synth.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(which, (amount, amount)),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _refused(done):
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_full_disk_leaves_nothing_half_written(image, labels, tmp_path):
    given = ["roi", image, labels, "--out", tmp_path / "out", "--size", 64]
    words = _refused(_limited(resource.RLIMIT_FSIZE, 1000, *given))
    assert "Cannot write" in words
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits address space")
def test_want_of_memory_says_what_to_try(image, labels, tmp_path):
    given = ["roi", image, labels, "--out", tmp_path / "out", "--size", 512]
    words = _refused(_limited(resource.RLIMIT_AS, 1_200_000_000, *given))
    assert "memory" in words
    assert "--size" in words
    assert not (tmp_path / "out").exists()
