import pytest

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs.changes import (
    changed_code,
    require_same_code,
    require_same_data,
    require_same_recipe,
)
from napari_tumor_synth.training.runs.record import RunRecord

ROIS = {"train": 13, "validation": 2, "test": 1}
BEGUN = RunRecord(recipe={}, data="a" * 64, rois=ROIS, classes=("HGG", "LGG"))
HERE = {"napari-tumor-synth": "0.3.0", "commit": "1234567890abcdef"}


def test_the_settings_that_differ_are_named_with_both_values(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    other = override(recipe, {"token_training.mask_ratio": 0.25, "seed": 4})
    require_same_recipe(recipe.recorded(), recipe.recorded())
    with pytest.raises(TrainingError) as refused:
        require_same_recipe(recipe.recorded(), other.recorded())
    assert "seed was 0 and is 4 now" in refused.value.problem
    assert "token_training.mask_ratio was 0.5 and is 0.25 now" in refused.value.problem
    assert "new run" in refused.value.remedy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rois": {**ROIS, "train": 14}}, "it had 16 ROIs (13 for train, 2 for validation"),
        ({"rois": {**ROIS, "train": 14}}, "and has 17 ROIs"),
        ({"classes": ("LGG",)}, "its classes were HGG, LGG and are LGG now"),
        ({}, "their images or their split have changed"),
    ],
)
def test_what_changed_about_the_cohort_is_told(change, words):
    now = BEGUN.model_copy(update={"data": "b" * 64, **change})
    require_same_data(BEGUN, BEGUN)
    with pytest.raises(TrainingError) as refused:
        require_same_data(BEGUN, now)
    assert words in refused.value.problem


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ({**HERE, "commit": "fedcba0987654321+changes"}, "at commit fedcba098765 with changes"),
        ({**HERE, "napari-tumor-synth": "0.4.0"}, "version 0.4.0"),
    ],
)
def test_other_code_is_named_and_can_be_accepted(now, named):
    with pytest.raises(TrainingError) as refused:
        require_same_code(HERE, now)
    assert named in refused.value.problem
    assert "version 0.3.0 at commit 1234567890ab" in refused.value.problem
    assert "--accept-changed-code" in refused.value.remedy


def test_an_unknown_commit_is_no_change():
    assert changed_code(HERE, {**HERE, "commit": "unknown"}) == ""
    assert changed_code(HERE, {**HERE, "torch": "9"}) == ""


def test_another_torch_rounds_otherwise_and_is_a_change():
    change = changed_code({**HERE, "torch": "8"}, {**HERE, "torch": "9"})
    assert "with torch 8, and this is" in change
    assert change.endswith("with torch 9")
