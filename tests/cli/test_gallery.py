"""Galleries on the command line: built, looked into, and refused in one sentence."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.imaging.reading import read_image
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume

MADE = ["--size", 16, "--spacing", 1]


@pytest.fixture(scope="module")
def gallery(cohort, tmp_path_factory):
    from napari_tumor_synth.imaging.roi import RoiSettings
    from napari_tumor_synth.workflows.gallery import build_gallery_of

    out = tmp_path_factory.mktemp("gallery") / "g"
    build_gallery_of(cohort, out, settings=RoiSettings(size=(16, 16, 16)), workers=1)
    return out


@pytest.fixture
def roi(run, case, tmp_path):
    image, segmentation = case
    return run("roi", image, segmentation, "--out", tmp_path / "roi", *MADE, "--json").json["roi"]


def test_build_from_a_folder_of_cases(run, cohort, tmp_path):
    out = tmp_path / "g"
    found = run("gallery", "build", cohort, "--out", out, *MADE, "--workers", 1, "--json").json
    assert found["rois"] == 6
    assert found["patients"] == 6
    assert found["size"] == [16, 16, 16]
    assert found["sequences"] == ["flair"]
    assert found["patient_data"] is False
    assert "uniform window of 7 voxels" in found["definition"]
    again = run("gallery", "build", cohort, "--out", out, *MADE, "--workers", 1)
    assert again.code == 0
    assert "6 ROIs of 6 patients" in again.out
    assert found["same_tumours"] == []


def test_a_patient_under_two_names_is_noticed(run, cohort, tmp_path):
    twice = tmp_path / "twice"
    shutil.copytree(cohort, twice)
    original = min(twice.glob("*/*"))
    copied = original.with_name(f"{original.name}9")
    copied.mkdir()
    for path in original.iterdir():
        shutil.copy(path, copied / path.name.replace(original.name, copied.name))
    how = ["--out", tmp_path / "g", *MADE, "--workers", 1]
    found = run("gallery", "build", twice, *how, "--json").json
    assert found["same_tumours"] == [[original.name, copied.name]]
    assert f"{original.name} and {copied.name} show the same tumour" in (
        run("gallery", "build", twice, *how).out
    )


def test_build_from_a_prepared_cohort(run, refuse, tiny_cache, tmp_path):
    found = run("gallery", "build", tiny_cache, "--out", tmp_path / "g", "--workers", 1, "--json")
    assert found.json["rois"] > 0
    assert not (tmp_path / "g" / "rois").exists()
    words = refuse("gallery", "build", tiny_cache, "--out", tmp_path / "h", "--size", 16)
    assert "prepared already" in words


def test_a_real_roi_finds_its_own_case(run, gallery, roi):
    found = run("nearest", roi, "--gallery", gallery, "--top", 2, "--json").json
    (query,) = found["queries"]
    assert query["query"] == str(roi)
    assert [set(match) for match in query["matches"]] == [
        {"case", "class", "split", "global_ssim", "foreground_ssim", "transform"}
    ] * 2
    best, second = query["matches"]
    assert best["case"] == "Phantom_HGG_000000"
    assert best["class"] == "HGG"
    assert best["foreground_ssim"] == pytest.approx(1, abs=1e-4)
    assert best["foreground_ssim"] > second["foreground_ssim"]
    assert query["verdict"] == "not calibrated"
    assert query["percentile"] is None
    assert query["distance_ratio"] < 0.01
    assert query["searched"] == {
        "how": "all", "scored": 6, "of": 6, "most_left": None, "certain": 2,
    }  # fmt: skip


def test_transforms(run, cohort, gallery, roi, tmp_path):
    out = tmp_path / "g"
    build = ("gallery", "build", cohort, "--out", out, *MADE, "--workers", 1)
    assert run(*build, "--transforms").code == 0
    volume = read_image(roi)
    mirrored = tmp_path / "mirrored.nii.gz"
    write_volume(Volume(np.flip(volume.array, 2).copy(), volume.affine), mirrored)
    query = run("nearest", mirrored, "--gallery", out, "--transforms", "--json").json["queries"][0]
    assert query["matches"][0]["case"] == "Phantom_HGG_000000"
    assert query["matches"][0]["transform"].startswith("mirrored along R")
    assert "6 patients" in query["sentence"]
    words = run("nearest", mirrored, "--gallery", gallery, "--transforms").out
    assert "mirrored along R" in words
    assert "gallery build --transforms does" in words


def test_words_for_a_person(run, gallery, roi):
    outcome = run("nearest", roi, roi, "--gallery", gallery)
    assert outcome.out.count("Phantom_HGG_000000") >= 2
    assert "Not calibrated: the gallery has 6 patients" in outcome.out
    assert "compared with all 6 real ROIs" in outcome.out
    assert "3D-SSIM, uniform window" in outcome.err


def test_a_synthetic_roi(run, tiny, cohort, tmp_path):
    made = run(
        "generate", "--model", tiny, "--class", "HGG", "--out", tmp_path / "s", "--json"
    ).json
    out = tmp_path / "g"
    build = ("gallery", "build", cohort, "--out", out, "--size", 16, "--spacing", 4)
    run(*build, "--workers", 1)
    sample = made["samples"][0]
    found = run("nearest", sample["provenance"], "--gallery", out, "--json").json["queries"][0]
    assert len(found["matches"]) == 5
    scores = [match["foreground_ssim"] for match in found["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] < 0.9


def test_synthetic_images_in_a_prepared_cohort_are_noticed(run, refuse, tiny, cohort, tmp_path):
    made = run(
        "generate", "--model", tiny, "--class", "HGG", "--out", tmp_path / "s", "--json"
    ).json["samples"][0]
    cases = tmp_path / "cases"
    shutil.copytree(cohort, cases)
    victim = cases / "HGG" / "Phantom_HGG_000001"
    image = read_image(made["image"])
    description = nib.load(made["image"]).header["descrip"].item().decode()
    write_volume(image, victim / f"{victim.name}_flair.nii.gz", description=description)
    write_volume(read_image(made["mask"]), victim / f"{victim.name}_seg.nii.gz")
    prepared = run("prepare", cases, "--out", tmp_path / "c", *MADE, "--workers", 1)
    assert prepared.code == 0, prepared.err
    words = refuse("gallery", "build", tmp_path / "c", "--out", tmp_path / "g")
    assert "Phantom_HGG_000001" in words
    assert "is synthetic" in words


def test_synthetic_images_are_not_real(run, refuse, tiny, cohort, tmp_path):
    made = run(
        "generate", "--model", tiny, "--class", "HGG", "--out", tmp_path / "s", "--json"
    ).json["samples"][0]
    cases = tmp_path / "cases"
    shutil.copytree(cohort, cases)
    victim = cases / "HGG" / "Phantom_HGG_000001"
    flair = victim / f"{victim.name}_flair.nii.gz"
    shutil.copy(made["image"], flair)
    build = ("gallery", "build", cases, "--out", tmp_path / "g", *MADE)
    assert "is synthetic" in refuse(*build)
    assert not (tmp_path / "g").exists()
    write_volume(read_image(flair), flair)  # its header says nothing any more
    shutil.copy(made["provenance"], victim / "record.json")
    record = (victim / "record.json").read_text("utf-8")
    known = next(iter(json.loads(record)["files"].values()))
    (victim / "record.json").write_text(record.replace(known, sha256_of_file(flair)), "utf-8")
    assert "is synthetic" in refuse(*build)


def test_what_is_refused(refuse, gallery, roi, case, tmp_path):
    assert "no finished gallery" in refuse("nearest", roi, "--gallery", tmp_path)
    assert "is not an ROI" in refuse("nearest", case[0], "--gallery", gallery)
    assert "does not exist" in refuse("nearest", tmp_path / "no.nii.gz", "--gallery", gallery)
    words = refuse("gallery", "build", tmp_path, "--out", tmp_path / "x", "--window", "round")
    assert "neither uniform nor gaussian" in words


def test_another_grid(run, refuse, gallery, case, tmp_path):
    image, segmentation = case
    coarse = run(
        "roi", image, segmentation, "--out", tmp_path / "r", "--size", 16, "--spacing", 2, "--json"
    ).json["roi"]
    words = refuse("nearest", coarse, "--gallery", gallery)
    assert "16 x 16 x 16 voxels of 2 mm; the gallery has 16 x 16 x 16 voxels of 1 mm" in words
