"""Cohorts that cannot be trained on: one sentence, exit code 2, and no run."""

import shutil

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.imaging.roi_cache import RoiCache
from tiny_cohort import write_blobs

TINY_GRID = ["--size", 16, "--spacing", 1]


@pytest.fixture
def cases(tmp_path):
    write_blobs(tmp_path / "cases", 5)
    return tmp_path / "cases"


@pytest.fixture
def trained_on(run, refuse, tiny_recipe, tmp_path):
    """Prepare a cohort, train on it, and return what is said against it."""

    def call(cohort, *options):
        cache, out = tmp_path / "cache", tmp_path / "run"
        prepared = run("prepare", cohort, "--out", cache, *TINY_GRID, "--workers", 1, *options)
        assert prepared.code == 0, prepared.err
        words = refuse("train", tiny_recipe, "--data", cache, "--out", out, "--device", "cpu")
        assert not out.exists()
        return words

    return call


def _rewrite(case, name, change):
    path = next(case.glob(f"*_{name}.nii.gz"))
    image = nib.load(path)
    array, affine = change(np.asarray(image.dataobj).copy(), image.affine)
    nib.save(nib.Nifti1Image(array, affine), path)


def _with_nan(array, affine):
    array[0, 0, 0] = np.nan
    return array, affine


def _shifted(array, affine):
    moved = affine.copy()
    moved[0, 3] += 30
    return array, moved


def test_one_class_for_a_recipe_with_classes(trained_on, cases):
    words = trained_on(cases / "LGG")
    assert "has one class only, LGG" in words
    assert "vqgan-lat8-small" in words


def test_cases_without_class_among_others(trained_on, cases):
    shutil.move(cases / "LGG" / "Phantom_LGG_000001", cases / "elsewhere")
    for path in list((cases / "elsewhere").iterdir()):
        path.rename(path.with_name(path.name.replace("Phantom_LGG_000001", "Brats18_CBICA_X_1")))
    words = trained_on(cases)
    assert "Brats18_CBICA_X_1 is unknown" in words


def test_one_patient(trained_on, tmp_path, cases):
    rows = ["patient,class,flair,segmentation"]
    for number in range(3):
        case = cases / "LGG" / f"Phantom_LGG_{number:06d}"
        rows.append(f"P1,LGG,{case}/{case.name}_flair.nii.gz,{case}/{case.name}_seg.nii.gz")
    rows[-1] = rows[-1].replace(",LGG,", ",HGG,")
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(rows))
    assert "All 3 ROIs are of one patient" in trained_on(table)


def test_too_few_patients_of_a_class(trained_on, cases):
    for number in range(1, 5):
        shutil.rmtree(cases / "HGG" / f"Phantom_HGG_{number:06d}")
    words = trained_on(cases)
    assert "The class HGG has no ROI for validation (1 in all)" in words
    assert "at least three patients of each class" in words


def test_too_few_rois_for_a_batch(run, refuse, tiny_recipe, cases, tmp_path):
    run("prepare", cases, "--out", tmp_path / "cache", *TINY_GRID, "--workers", 1)
    big = tmp_path / "big.toml"
    phases = "[token_training]\nphases = [{ batch = 99, steps = 2 }]\n"
    big.write_text(f'based_on = "{tiny_recipe}"\n{phases}')
    words = refuse("train", big, "--data", tmp_path / "cache", "--out", tmp_path / "run")
    assert "takes 99 token sequences, but only" in words


def test_volumes_with_nan_and_other_grids_are_left_out_with_the_reason(run, cases, tmp_path):
    _rewrite(cases / "LGG" / "Phantom_LGG_000000", "flair", _with_nan)
    _rewrite(cases / "HGG" / "Phantom_HGG_000000", "seg", _shifted)
    given = ["prepare", cases, "--out", tmp_path / "cache", *TINY_GRID, "--workers", 1]
    told = run(*given, "--json")
    failed = told.json["failed"]
    assert told.json["cases"] == 8
    assert "Phantom_HGG_000000: " in failed[0]
    assert "grid" in failed[0]
    assert "Phantom_LGG_000000: " in failed[1]
    assert "NaN or infinite, 1 in all" in failed[1]
    assert "Warning: Left out: Phantom_LGG_000000" in told.err


def test_a_cohort_of_nothing_but_bad_volumes(refuse, cases, tmp_path):
    for case in (*cases.glob("*/*"),):
        _rewrite(case, "flair", _with_nan)
    words = refuse("prepare", cases, "--out", tmp_path / "cache", *TINY_GRID, "--workers", 1)
    assert "None of the 10 cases could be cut" in words
    assert "NaN or infinite" in words


def test_an_array_that_was_spoilt_after_preparing(run, refuse, tiny_recipe, cases, tmp_path):
    run("prepare", cases, "--out", tmp_path / "cache", *TINY_GRID, "--workers", 1)
    cache = RoiCache.open(tmp_path / "cache")
    entry = cache.entries[cache.indices("train")[0]]
    path = tmp_path / "cache" / "arrays" / entry.file
    np.save(path, np.full((1, 16, 16, 16), np.nan, np.float16))
    given = ["train", tiny_recipe, "--data", tmp_path / "cache", "--out", tmp_path / "run"]
    assert f"case {entry.name} holds values that are not finite" in refuse(*given)
    np.save(path, np.zeros((1, 4, 4, 4), np.float16))
    assert "holds (1, 4, 4, 4) float16" in refuse(*given)
    assert not (tmp_path / "run").exists()
