"""Caches that a recipe cannot learn from are refused, by name, before anything is written."""

import json
import shutil

import numpy as np
import pytest

from napari_tumor_synth.errors import CohortError, TrainingError
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.training.cohort_checks import require_fit, require_sound
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe

UNCONDITIONAL = {
    "conditional": False,
    "transformer.classes": 0,
    "token_training.masking": "random-codes",
}


@pytest.fixture
def recipe(tiny_recipe):
    return load_recipe(tiny_recipe)


@pytest.fixture
def copy(tiny_cache, tmp_path):
    """A cache of 8 LGG and 8 HGG that may be spoilt."""
    return shutil.copytree(tiny_cache, tmp_path / "cache")


def changed(folder, change):
    """Change the manifest's list of entries and open the cache again."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["entries"] = [entry for entry in content["entries"] if change(entry) is not False]
    known = {entry["class_name"] for entry in content["entries"]} - {"unknown"}
    content["classes"] = sorted(known)
    path.write_text(json.dumps(content))
    return RoiCache.open(folder)


def test_a_sound_cohort_passes_and_is_read_once(recipe, tiny_cache):
    cache = RoiCache.open(tiny_cache)
    seen = []
    require_fit(recipe, cache)
    require_sound(cache, seen.append)
    used = len(cache.indices("train")) + len(cache.indices("validation"))
    assert [(one.step, one.total) for one in seen] == [(n, used) for n in range(1, used + 1)]


def _one_class(entry):
    return entry["class_name"] == "LGG"


def _no_class(entry):
    entry["class_name"] = "unknown"


def _two_unknown(entry):
    if entry["name"].endswith(("000003", "000004")):
        entry["class_name"] = "unknown"


def _three_classes(entry):
    if entry["name"].endswith(("000001", "000002", "000003")):
        entry["class_name"] = "PNET"


def _one_patient(entry):
    entry.update(patient="the same", split="train")


def _none_to_validate(entry):
    entry["split"] = "train" if entry["split"] == "validation" else entry["split"]


def _no_hgg_to_learn_from(entry):
    if entry["class_name"] == "HGG" and entry["split"] == "train":
        entry["split"] = "test"


def _no_lgg_to_validate(entry):
    if entry["class_name"] == "LGG" and entry["split"] == "validation":
        entry["split"] = "test"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_one_class, r"tiny learns to draw classes apart, but the cohort has one class only, LGG"),
        (_no_class, "but the cohort has no classes"),
        (_two_unknown, r"cases Phantom_HGG_000003, .* and 1 more is unknown, while others are HGG"),
        (_three_classes, "is for 2 classes, but the cohort has 3: HGG, LGG, PNET"),
        (_one_patient, "All 16 ROIs are of one patient, who cannot be both learnt from and held"),
        (_none_to_validate, r"There is no ROI for validation \(16 in all\)"),
        (_no_hgg_to_learn_from, r"The class HGG has no ROI for training \(8 in all\)"),
        (_no_lgg_to_validate, r"The class LGG has no ROI for validation \(8 in all\)"),
    ],
)
def test_a_cohort_that_cannot_be_learnt_from_is_refused(recipe, copy, change, words):
    with pytest.raises(TrainingError, match=words) as caught:
        require_fit(recipe, changed(copy, change))
    assert caught.value.remedy


def test_several_classes_need_a_recipe_with_classes(recipe, tiny_cache):
    with pytest.raises(TrainingError, match="knows no classes, but the cohort has several: HGG, L"):
        require_fit(override(recipe, UNCONDITIONAL), RoiCache.open(tiny_cache))


def test_one_class_or_none_is_enough_without_classes(recipe, copy):
    few = {"token_training.phases.0.batch": 2, "autoencoder_training.phases.1.batch": 2}
    alone = override(recipe, {**UNCONDITIONAL, **few})
    require_fit(alone, changed(copy, _one_class))
    require_fit(alone, changed(copy, _no_class))


def test_patients_in_two_splits_are_refused(copy):
    def same_patient(entry):
        if entry["name"].endswith(("HGG_000000", "HGG_000001")):
            entry["patient"] = "P1"
            entry["split"] = "train" if entry["name"].endswith("0") else "test"

    with pytest.raises(CohortError, match="Patient P1 is in the splits"):
        changed(copy, same_patient)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"autoencoder_training.phases.1.batch": 50}, r"takes 50 ROIs, but only \d+ are for train"),
        ({"token_training.phases.0.batch": 50}, r"takes 50 token sequences, but only \d+ are"),
    ],
)
def test_a_step_needs_as_many_rois_as_its_batch(recipe, tiny_cache, changes, words):
    with pytest.raises(TrainingError, match=words) as caught:
        require_fit(override(recipe, changes), RoiCache.open(tiny_cache))
    assert f"set {next(iter(changes))} to at most" in caught.value.remedy


def test_patches_of_few_rois_may_fill_a_batch(recipe, tiny_cache):
    many = override(recipe, {"autoencoder_training.phases.0.batch": 50})
    require_fit(many, RoiCache.open(tiny_cache))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spacing_mm": 2.0}, r"needs spacing_mm 2\.0, but the cache has 1\.0"),
        ({"sequences": ["t1ce"]}, r"needs sequences \('t1ce',\), but the cache has \('flair',\)"),
    ],
)
def test_a_cache_of_other_settings_is_refused_with_the_command(recipe, tiny_cache, changes, words):
    with pytest.raises(TrainingError, match=words) as caught:
        require_fit(override(recipe, changes), RoiCache.open(tiny_cache))
    assert "tumor-synth prepare --size 16 --spacing" in caught.value.remedy


def _array(folder, cache, split="validation"):
    index = cache.indices(split)[0]
    return folder / "arrays" / cache.entries[index].file, cache.entries[index].name


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((1, 16, 16, 16), np.nan), "holds values that are not finite"),
        (np.full((1, 16, 16, 16), np.inf), "holds values that are not finite"),
        (np.full((1, 16, 16, 16), 7.0), "holds values from 7 to 7 instead of -1 to 1"),
        (np.full((1, 16, 16, 16), -1.0), "holds no tumour"),
    ],
)
def test_values_that_would_spoil_a_training_name_their_case(copy, values, words):
    cache = RoiCache.open(copy)
    path, name = _array(copy, cache)
    np.save(path, values.astype(np.float16))
    with pytest.raises(TrainingError, match=f"case {name} {words}") as caught:
        require_sound(cache)
    assert "leave the case out" in caught.value.remedy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: np.save(path, np.zeros((1, 8, 8, 8), np.float16)), r"holds \(1, 8, 8, 8\)"),
        (lambda path: np.save(path, np.zeros((1, 16, 16, 16))), "float64"),
        (lambda path: path.write_bytes(b"nothing"), "cannot be used"),
        (lambda path: path.unlink(), "cannot be used"),
    ],
)
def test_array_files_of_another_kind_are_found_without_reading_them(recipe, copy, spoil, words):
    cache = RoiCache.open(copy)
    path, name = _array(copy, cache, "train")
    spoil(path)
    with pytest.raises(CohortError, match=words) as caught:
        require_fit(recipe, cache)
    assert name in str(caught.value)
