import nibabel as nib
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from napari_tumor_synth.errors import InputError, UnknownClassError
from napari_tumor_synth.imaging.phantom.acquisition import in_units
from napari_tumor_synth.imaging.phantom.appearance import label_statistics, look_of
from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import PhantomCase, PhantomSettings

FLAIR = PhantomSettings(sequences=("flair",))


@pytest.fixture(scope="module")
def high_grade() -> PhantomCase:
    return make_phantom("HGG", 3)


@pytest.fixture(scope="module")
def low_grade() -> PhantomCase:
    return make_phantom("LGG", 3)


def centre_of_tumour(case: PhantomCase) -> np.ndarray:
    where = np.argwhere(case.segmentation.array > 0).mean(0)
    return case.segmentation.world_of(where)


def test_a_seed_gives_the_same_case_to_the_last_bit(high_grade: PhantomCase) -> None:
    again = make_phantom("HGG", 3)
    np.testing.assert_array_equal(again.segmentation.array, high_grade.segmentation.array)
    for name, image in high_grade.images.items():
        np.testing.assert_array_equal(again.images[name].array, image.array)


def test_a_sequence_does_not_depend_on_which_others_are_made(high_grade: PhantomCase) -> None:
    alone = make_phantom("HGG", 3, FLAIR)
    assert list(alone.images) == ["flair"]
    np.testing.assert_array_equal(alone.images["flair"].array, high_grade.images["flair"].array)


def test_other_seeds_and_classes_give_other_brains_and_tumours(low_grade: PhantomCase) -> None:
    other = make_phantom("LGG", 4, FLAIR)
    brains = [case.images["flair"].array > 0 for case in (low_grade, other)]
    assert np.mean(brains[0] != brains[1]) > 0.01
    masks = [case.segmentation.array > 0 for case in (low_grade, other)]
    overlap = 2 * np.sum(masks[0] & masks[1]) / (masks[0].sum() + masks[1].sum())
    assert overlap < 0.9


@pytest.mark.parametrize("case_name", ["high_grade", "low_grade"])
def test_images_and_segmentation_share_one_upright_grid(
    case_name: str, request: pytest.FixtureRequest
) -> None:
    case: PhantomCase = request.getfixturevalue(case_name)
    assert set(case.images) == {"flair", "t1", "t1ce", "t2"}
    for image in case.images.values():
        assert image.same_grid_as(case.segmentation)
        assert image.spacing == (1.0, 1.0, 1.0)
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.array.dtype == np.float32


@pytest.mark.parametrize("case_name", ["high_grade", "low_grade"])
def test_only_brain_is_brighter_than_zero_and_the_tumour_lies_in_it(
    case_name: str, request: pytest.FixtureRequest
) -> None:
    case: PhantomCase = request.getfixturevalue(case_name)
    labels = case.segmentation.array
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) <= {0, 1, 2, 4}
    brains = [image.array > 0 for image in case.images.values()]
    for image, brain in zip(case.images.values(), brains, strict=True):
        assert np.isfinite(image.array).all()
        assert image.array.min() == 0
        np.testing.assert_array_equal(brain, brains[0])
        assert brain[labels > 0].all()
    litres = brains[0].sum() / 1e6
    assert 0.9 < litres < 2.0


def test_the_brain_is_where_the_atlas_has_it(low_grade: PhantomCase) -> None:
    brain = np.argwhere(low_grade.images["flair"].array > 0)
    low, high = (low_grade.segmentation.world_of(brain.min(0)), brain.max(0))
    high = low_grade.segmentation.world_of(high)
    # the ICBM152 brain spans -72..72 mm (R), -107..73 mm (A) and -72..82 mm (S)
    np.testing.assert_allclose(low, [-65, -96, -66], atol=18)
    np.testing.assert_allclose(high, [65, 66, 75], atol=18)


@pytest.mark.parametrize("side", [-1, 1], ids=["left", "right"])
def test_a_tumour_asked_for_on_a_side_grows_on_that_side(side: int) -> None:
    settings = PhantomSettings(
        sequences=("flair",), centre_mm=(side * 30.0, 20.0, 28.0), volume_ml=40
    )
    case = make_phantom("HGG", 5, settings)
    r, a, s = centre_of_tumour(case)
    assert side * r > 12
    assert a == pytest.approx(20, abs=15)
    assert s == pytest.approx(28, abs=15)
    mask = case.segmentation.array > 0
    assert np.argwhere(mask)[:, 2].mean() * side > side * (mask.shape[2] - 1) / 2


@pytest.mark.parametrize("class_name", ["HGG", "LGG"])
def test_the_tumour_has_about_the_volume_asked_for(class_name: str) -> None:
    settings = PhantomSettings(sequences=("flair",), centre_mm=(-28.0, 10.0, 30.0), volume_ml=60)
    case = make_phantom(class_name, 1, settings)
    millilitres = np.count_nonzero(case.segmentation.array) / 1000
    assert millilitres == pytest.approx(60, rel=0.35)


def test_the_high_grade_rim_takes_up_contrast(high_grade: PhantomCase) -> None:
    labels = high_grade.segmentation.array
    after, before = (high_grade.images[name].array for name in ("t1ce", "t1"))
    rim, core, oedema = labels == 4, labels == 1, labels == 2
    assert rim.sum() > 500
    for other in (core, oedema):
        gain = (after[rim].mean() / after[other].mean()) / (
            before[rim].mean() / before[other].mean()
        )
        assert gain > 1.2
    brain = (labels == 0) & (after > 0)
    assert after[rim].mean() > np.percentile(after[brain], 90)


def test_the_tumour_is_bright_in_flair_and_t2(
    high_grade: PhantomCase, low_grade: PhantomCase
) -> None:
    for case in (high_grade, low_grade):
        labels = case.segmentation.array
        for name in ("flair", "t2"):
            image = case.images[name].array
            healthy = np.median(image[(labels == 0) & (image > 0)])
            assert np.median(image[labels > 0]) > 1.1 * healthy


def test_units_are_arbitrary_as_between_scanners() -> None:
    brain = np.ones((2, 2, 2), np.float32)
    levels = [in_units(brain, brain, np.random.default_rng(seed)).mean() for seed in range(20)]
    assert max(levels) > 10 * min(levels)


@pytest.mark.slow
def test_volume_alone_does_not_tell_the_classes_apart() -> None:
    draws = [
        (name, make_phantom(name, seed, FLAIR))
        for seed in range(300, 315)
        for name in ("HGG", "LGG")
    ]
    grades = [name == "HGG" for name, _ in draws]
    volumes = [np.count_nonzero(case.segmentation.array) for _, case in draws]
    area = roc_auc_score(grades, volumes)
    assert max(area, 1 - area) <= 0.75


def test_the_look_follows_the_numbers_measured_over_real_cases() -> None:
    measured = label_statistics()["HGG"]["oedema"]["t2"]["level"]
    drawn = [look_of("HGG", "t2", np.random.default_rng(seed)).oedema for seed in range(200)]
    assert np.mean(drawn) == pytest.approx(measured["mean"], rel=0.05)
    assert np.std(drawn) == pytest.approx(measured["sd"], rel=0.35)


def test_an_unknown_class_names_the_known_ones() -> None:
    with pytest.raises(UnknownClassError, match=r"'BRAF'.*HGG, LGG"):
        make_phantom("BRAF", 0)


@pytest.mark.parametrize(
    ("seed", "settings"),
    [
        (-1, PhantomSettings()),
        (0, PhantomSettings(centre_mm=(0.0, 0.0, 200.0))),
        (0, PhantomSettings(centre_mm=(120.0, 0.0, 20.0))),
    ],
)
def test_impossible_wishes_are_refused(seed: int, settings: PhantomSettings) -> None:
    with pytest.raises(InputError) as caught:
        make_phantom("HGG", seed, settings)
    assert caught.value.remedy
