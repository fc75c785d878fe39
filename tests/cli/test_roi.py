from pathlib import Path

import nibabel as nib
import numpy as np
import pytest


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_roi_gives_the_stable_keys(run, case, tmp_path):
    image, segmentation = case
    result = run("roi", image, segmentation, "--out", tmp_path, "--size", 16, "--json").json
    assert set(result) == {
        "roi", "mask", "shape", "spacing_mm", "lost_fraction", "intensity_window",
        "record", "channels",
    }  # fmt: skip
    assert result["roi"] == str(tmp_path / "Phantom_HGG_000000_flair_roi.nii.gz")
    assert result["shape"] == [16, 16, 16]
    assert result["spacing_mm"] == [1, 1, 1]
    assert 0 <= result["lost_fraction"] < 1
    low, high = result["intensity_window"]
    assert low < high
    roi, mask = nib.load(result["roi"]), nib.load(result["mask"])
    inside = mask.get_fdata() > 0
    assert np.all(roi.get_fdata()[~inside] == -1)
    assert np.all(roi.get_fdata()[inside] >= np.float32(-0.9))


def test_the_roi_overlays_its_parent(run, case, tmp_path):
    image, segmentation = case
    result = run("roi", image, segmentation, "--out", tmp_path, "--size", 24, "--json").json
    mask, parent = nib.load(result["mask"]), nib.load(segmentation)
    inside = np.argwhere(mask.get_fdata() > 0)
    world = nib.affines.apply_affine(mask.affine, inside)
    index = np.rint(nib.affines.apply_affine(np.linalg.inv(parent.affine), world)).astype(int)
    labels = parent.get_fdata()
    assert np.all(labels[tuple(index.T)] > 0)
    assert len(inside) == np.count_nonzero(labels)


@pytest.mark.parametrize(
    ("of_the_parent", "of_the_roi"),
    [("phantom, not a patient", b"phantom, not a patient"), ("Name of a patient", b"")],
)
def test_the_roi_of_a_simulated_case_says_so(run, case, tmp_path, of_the_parent, of_the_roi):
    parent = nib.load(case[0])
    parent.header["descrip"] = of_the_parent
    nib.save(parent, tmp_path / "parent.nii.gz")
    given = ["roi", tmp_path / "parent.nii.gz", case[1], "--out", tmp_path, "--size", 16, "--json"]
    result = run(*given).json
    for name in ("roi", "mask"):
        assert nib.load(result[name]).header["descrip"].item() == of_the_roi


def test_a_summary_for_people_and_warnings_on_stderr(run, case, tmp_path):
    image, segmentation = case
    small = ["--out", tmp_path, "--size", 8, "--spacing", 0.5]
    outcome = run("roi", image, segmentation, *small)
    assert "ml tumour" in outcome.out
    assert "Warning: " in outcome.err  # the box is smaller than the tumour
    quiet = run("roi", image, segmentation, *small, "--quiet")
    assert quiet.out == ""
    assert "Warning: " in quiet.err


def test_several_sequences_become_channels(run, case, tmp_path):
    image, segmentation = case
    result = run(
        "roi", image, segmentation, "--out", tmp_path, "--size", 16, "--add", f"t1={image}",
        "--json",
    ).json  # fmt: skip
    assert result["roi"].endswith("_flair_flair_roi.nii.gz")
    flair, t1 = result["channels"]
    assert (flair["sequence"], flair["roi"]) == ("flair", result["roi"])
    assert flair["intensity_window"] == t1["intensity_window"] == result["intensity_window"]
    assert t1["roi"] == str(tmp_path / "Phantom_HGG_000000_flair_t1_roi.nii.gz")
    assert t1["sequence"] == "t1"
    assert Path(t1["roi"]).is_file()
    assert Path(result["record"]).is_file()


def test_another_roi_of_that_name_is_kept(run, refuse, case, cohort, tmp_path):
    image, segmentation = case
    out = tmp_path / "out"
    first = run("roi", image, segmentation, "--out", out, "--size", 16, "--json").json["roi"]
    before = nib.load(first).get_fdata()
    assert run("roi", image, segmentation, "--out", out, "--size", 16).code == 0  # the same again

    other = tmp_path / image.name
    other.write_bytes(
        (cohort / "LGG/Phantom_LGG_000001/Phantom_LGG_000001_flair.nii.gz").read_bytes()
    )
    labels = cohort / "LGG/Phantom_LGG_000001/Phantom_LGG_000001_seg.nii.gz"
    assert "--overwrite" in refuse("roi", other, labels, "--out", out, "--size", 16)
    assert np.array_equal(nib.load(first).get_fdata(), before)

    assert run("roi", other, labels, "--out", out, "--size", 16, "--overwrite").code == 0
    assert not np.array_equal(nib.load(first).get_fdata(), before)


def test_an_input_is_never_replaced(refuse, case, tmp_path):
    image, mask = tmp_path / "a.nii.gz", tmp_path / "a_mask.nii.gz"
    image.write_bytes(case[0].read_bytes())
    mask.write_bytes(case[1].read_bytes())
    words = refuse("roi", image, mask, "--out", tmp_path, "--size", 16, "--overwrite")
    assert "its own input" in words
    assert mask.read_bytes() == case[1].read_bytes()
    assert _files(tmp_path) == ["a.nii.gz", "a_mask.nii.gz"]


@pytest.mark.parametrize("allowed", [[], ["--overwrite"]])
def test_no_image_of_several_sequences_replaces_an_input(refuse, case, tmp_path, allowed):
    image, other = tmp_path / "p.nii.gz", tmp_path / "p_t1ce_roi.nii.gz"
    for path in (image, other):
        path.write_bytes(case[0].read_bytes())
    words = refuse(
        "roi", image, case[1], "--out", tmp_path, "--size", 16, "--add", f"t1ce={other}", *allowed
    )
    assert "its own input" in words
    assert other.read_bytes() == case[0].read_bytes()
    assert _files(tmp_path) == ["p.nii.gz", "p_t1ce_roi.nii.gz"]


def test_an_input_is_not_removed_as_a_rest_of_an_earlier_roi(run, refuse, case, tmp_path):
    image, labels = tmp_path / "p.nii.gz", case[1]
    image.write_bytes(case[0].read_bytes())
    common = ["roi", image, labels, "--out", tmp_path, "--size", 16]
    assert run(*common, "--add", f"t1ce={image}").code == 0
    rest = tmp_path / "p_t1ce_roi.nii.gz"
    rest.write_bytes(case[0].read_bytes())
    assert "its own input" in refuse(*common, "--add", f"t2={rest}", "--overwrite")
    assert rest.read_bytes() == case[0].read_bytes()


def test_another_image_of_several_sequences_is_kept(run, refuse, case, tmp_path):
    theirs = tmp_path / f"{case[0].name.removesuffix('.nii.gz')}_t1ce_roi.nii.gz"
    theirs.write_bytes(b"theirs")
    several = ["roi", *case, "--out", tmp_path, "--size", 16, "--add", f"t1ce={case[0]}"]
    assert "--overwrite" in refuse(*several)
    assert _files(tmp_path) == [theirs.name]
    assert theirs.read_bytes() == b"theirs"
    assert run(*several, "--overwrite").code == 0
    assert run(*several).code == 0  # the same again
    one = ["roi", *case, "--out", tmp_path, "--size", 16]
    assert "--overwrite" in refuse(*one)
    assert run(*one, "--overwrite").code == 0
    assert not theirs.exists()  # it was of the ROI that is replaced


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--labels", "0"], "labels"),
        (["--labels", "1,x"], "not a list of whole numbers"),
        (["--labels", "3"], "Choose among the labels that it holds: 2"),
        (["--spacing", "15"], "--spacing"),
        (["--spacing", "nan"], "spacing"),
        (["--size", "7"], "--size"),
        (["--size", "big"], "--size"),
        (["--add", "t1"], "t1ce=FILE"),
        (["--add", "flair=x.nii"], "t1ce=FILE"),
        (["--add", "t1=nowhere.nii"], "nowhere.nii does not exist"),
    ],
)
def test_options_out_of_range(refuse, case, tmp_path, options, words):
    assert words in refuse("roi", *case, "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()
