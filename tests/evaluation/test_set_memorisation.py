"""What is said of a whole set: copies, authenticity, membership and duplicates."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap, ks_2samp
from shared.made_up_cohort import write_cache
from sklearn.metrics import roc_auc_score

import ssim_blobs
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.measured import Measured, bootstrap_interval, in_words, share
from napari_tumor_synth.evaluation.score_distributions import compare_distributions
from napari_tumor_synth.evaluation.set_memorisation import (
    HELD_OUT,
    LEFT_OUT,
    SYNTHETIC,
    as_json,
    study_set,
)
from napari_tumor_synth.evaluation.ssim import ssim
from napari_tumor_synth.progress import Cancelled

TRAIN, HELD, SIZE = 40, 20, 24


def tumours(count, seed):
    rng = np.random.default_rng(seed)
    return [ssim_blobs.tumour(rng, SIZE, 1.2) for _ in range(count)]


REAL = tumours(TRAIN + HELD, 0)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    splits = ["train"] * TRAIN + ["validation", "test"] * (HELD // 2)
    return build_gallery(write_cache(folder / "c", REAL, splits=splits), folder / "g")


def noisy(image, rng):
    changed = image + 0.03 * rng.standard_normal(image.shape)
    return np.where(image > -1, np.clip(changed, -0.9, 1), -1).astype(np.float32)


def study(gallery, images, **how):
    return study_set(gallery, [image[None] for image in images], **how)


@pytest.fixture(scope="module")
def honest(gallery):
    """A set that has nothing to do with the training ROIs."""
    return study(gallery, tumours(30, 1))


@pytest.fixture(scope="module")
def thief(gallery):
    """10 of 30 are training ROIs with noise: of 8 patients, since two are taken twice."""
    rng = np.random.default_rng(2)
    taken = [*range(8), 0, 1]
    return study(gallery, [*tumours(20, 3), *(noisy(REAL[index], rng) for index in taken)])


def foreground(one, other):
    return ssim(one, other).foreground


def test_nearest_scores_are_those_of_ssim(gallery, honest):
    new = tumours(30, 1)
    for row in (0, 7, 29):
        scores = [foreground(new[row], image) for image in REAL]
        assert honest.samples[row].nearest == int(np.argmax(scores))
        assert honest.samples[row].score == pytest.approx(max(scores), abs=1e-5)
        assert honest.distributions[SYNTHETIC][row] == pytest.approx(max(scores[:TRAIN]), abs=1e-5)
    held = [max(foreground(image, other) for other in REAL[:TRAIN]) for image in REAL[TRAIN:]]
    assert honest.distributions[HELD_OUT] == pytest.approx(np.array(held), abs=1e-5)
    left = [
        max(foreground(REAL[row], other) for at, other in enumerate(REAL[:TRAIN]) if at != row)
        for row in range(TRAIN)
    ]
    assert honest.distributions[LEFT_OUT] == pytest.approx(np.array(left), abs=1e-5)


def test_copies_and_who_is_copied(honest, thief):
    assert honest.figure("copies of real ROIs").value == 0
    assert honest.figure("training cases copied").value == 0
    found = thief.figure("copies of real ROIs")
    assert found.value == pytest.approx(10 / 30)
    assert (found.low, found.high) == pytest.approx((0.1729, 0.5281), abs=1e-4)  # exact binomial
    assert thief.figure("training cases copied").value == pytest.approx(8 / TRAIN)
    assert [sample.nearest for sample in thief.samples[20:]] == [*range(8), 0, 1]
    assert all(sample.held_out_percentile == 100 for sample in thief.samples[20:])


def test_authenticity_stands_beside_that_of_held_out_rois(gallery, honest, thief):
    new = tumours(30, 1)

    def authentic(image):
        to_train = [foreground(image, other) for other in REAL[:TRAIN]]
        near = int(np.argmax(to_train))
        own = max(
            foreground(REAL[near], other) for at, other in enumerate(REAL[:TRAIN]) if at != near
        )
        return to_train[near] < own

    assert honest.figure("authentic synthetic ROIs").value == np.mean([*map(authentic, new)])
    held_out = np.mean([authentic(image) for image in REAL[TRAIN:]])
    assert honest.figure("authentic held-out ROIs").value == held_out
    difference = honest.figure("difference in authenticity")
    assert difference.low < 0 < difference.high
    assert thief.figure("authentic synthetic ROIs").value <= 20 / 30


def test_membership_is_guessed_from_copies_only(gallery, honest, thief):
    new = tumours(30, 1)
    closest = [max(foreground(image, other) for image in new) for other in REAL]
    learnt = [1] * TRAIN + [0] * HELD
    figure = honest.figure("membership inference AUC")
    assert figure.value == pytest.approx(roc_auc_score(learnt, closest), abs=1e-3)
    assert figure.low < 0.5 < figure.high
    assert thief.figure("membership inference AUC").value > figure.value


def test_a_generator_that_knows_all_training_rois_is_seen_through(gallery):
    rng = np.random.default_rng(5)
    found = study(gallery, [noisy(image, rng) for image in REAL[:TRAIN]])
    assert found.figure("training cases copied").value == 1
    assert found.figure("membership inference AUC").value == 1
    assert found.figure("authentic synthetic ROIs").value == 0
    assert found.figure("difference in authenticity").high < 0
    for comparison in found.comparisons:
        assert comparison.superiority == 1
        assert comparison.low > 0
        assert comparison.mann_whitney_p < 1e-6


def test_distributions_are_compared(honest):
    held_out, left_out = honest.comparisons
    assert (held_out.first, held_out.second) == (SYNTHETIC, HELD_OUT)
    assert (left_out.second, left_out.n_second) == (LEFT_OUT, TRAIN)
    one, other = (honest.distributions[name] for name in (SYNTHETIC, HELD_OUT))
    assert held_out.ks_p == pytest.approx(ks_2samp(one, other).pvalue)
    assert held_out.median_difference == pytest.approx(np.median(one) - np.median(other))
    assert held_out.low < held_out.median_difference < held_out.high


def test_duplicates_among_synthetic_rois(gallery, honest):
    assert honest.duplicates == ()
    rng = np.random.default_rng(6)
    new = tumours(12, 7)
    found = study(gallery, [*new, noisy(new[3], rng), noisy(new[3], rng), noisy(new[5], rng)])
    assert found.duplicates == ((3, 12, 13), (5, 14))
    assert found.figure("duplicates among synthetic ROIs").value == pytest.approx(5 / 15)
    assert found.figure("copies of real ROIs").value == 0


def test_a_set_of_one_and_a_gallery_without_held_out_rois(tmp_path):
    gallery = build_gallery(write_cache(tmp_path / "c", REAL[:31]), tmp_path / "g")
    found = study(gallery, tumours(1, 8))
    assert found.duplicates == ()
    assert found.figure("membership inference AUC").value is None
    assert found.figure("authentic held-out ROIs").note == "The gallery has no held-out ROIs."
    assert found.samples[0].held_out_percentile is None
    assert [one.second for one in found.comparisons] == [LEFT_OUT]


def test_few_patients_are_never_said_to_be_fine(tmp_path):
    splits = ["train"] * 5 + ["test"] * 3
    gallery = build_gallery(write_cache(tmp_path / "c", REAL[:8], splits=splits), tmp_path / "g")
    found = study(gallery, [*tumours(2, 9), REAL[0]])
    assert [sample.verdict.name for sample in found.samples] == ["not calibrated"] * 3
    same = found.figure("copies of real ROIs")
    assert same.value == pytest.approx(1 / 3)  # the very same
    assert "8 patients" in same.note
    assert "a lower bound" in same.note
    new = study(gallery, tumours(2, 9))
    for name in ("copies of real ROIs", "training cases copied", "duplicates among synthetic ROIs"):
        assert new.figure(name).value is None
        assert "Not calibrated" in new.figure(name).note


def test_what_cannot_be_studied(tmp_path, gallery):
    with pytest.raises(InputError, match="no synthetic ROI"):
        study(gallery, [])
    cohort = write_cache(tmp_path / "c", REAL[:3], splits=["test"] * 3)
    with pytest.raises(InputError, match="no training case"):
        study(build_gallery(cohort, tmp_path / "g"), tumours(1, 0))


def test_it_can_be_stopped_and_is_the_same_again(gallery, honest):
    def stop(progress):
        if progress.step == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        study(gallery, tumours(5, 1), on_progress=stop)
    names = [f"s{row}" for row in range(30)], [entry.name for entry in gallery.entries]
    again = study(gallery, tumours(30, 1), threads=1)
    assert as_json(again, *names) == as_json(honest, *names)


def test_intervals_are_those_of_scipy():
    rng = np.random.default_rng(0)
    values = rng.normal(size=80)
    low, high = bootstrap_interval(lambda one: float(one.mean()), [values], [None])
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=1)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.02)


def test_patients_are_drawn_whole():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 50)
    owners = [str(value) for value in values]
    low, high = bootstrap_interval(lambda one: float(one.mean()), [values], [owners])
    alone = bootstrap_interval(lambda one: float(one.mean()), [values], [None])
    assert high - low > 5 * (alone[1] - alone[0])


def test_two_have_no_interval():
    values = np.array([0.0, 1.0, 1.0])
    assert bootstrap_interval(np.mean, [values[:2]], [None]) == (None, None)
    assert bootstrap_interval(np.mean, [values], [["a", "b", "b"]]) == (None, None)
    assert bootstrap_interval(np.mean, [values], [None])[0] is not None


def test_tests_take_one_roi_of_each_patient():
    """Under one distribution, 5 % are below 0.05, however alike the ROIs of a patient are."""
    rng = np.random.default_rng(4)
    owners = [str(patient) for patient in np.repeat(np.arange(25), 4)]
    hits = 0
    for seed in range(300):
        patients = np.repeat(rng.normal(size=25), 4)
        other = np.sqrt(0.7) * patients + np.sqrt(0.3) * rng.normal(size=100)
        found = compare_distributions("a", rng.normal(size=60), "b", other, owners, seed)
        hits += found.mann_whitney_p <= 0.05
    assert hits <= 15 + 3 * np.sqrt(300 * 0.05 * 0.95)


def test_a_lower_bound_is_put_into_words():
    bound = Measured("x", 0.1, 0.1, None, "10 ROIs", "d")
    assert in_words(bound) == "at least 0.1, 10 ROIs"
    assert in_words(replace(bound, low=None)) == "0.1, 10 ROIs"
    assert in_words(replace(bound, high=0.3)) == "0.1 (0.1 to 0.3), 10 ROIs"
    assert "not measured" in in_words(replace(bound, value=None))


def test_one_tumour_in_both_splits_is_refused(tmp_path):
    images = [*REAL[:6], REAL[2]]
    cohort = write_cache(tmp_path / "c", images, splits=["train"] * 6 + ["test"])
    gallery = build_gallery(cohort, tmp_path / "g")
    with pytest.raises(InputError, match="case-002 and case-006 show the same tumour"):
        study(gallery, tumours(3, 1))


def test_a_share_of_nothing_says_so():
    assert share("x", 0, 0, "none", "d").value is None
