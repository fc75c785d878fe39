"""The nearest real ROI, and what it says: copies are found, new ones are left alone."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from shared.made_up_cohort import write_cache

import ssim_blobs
from napari_tumor_synth.errors import GalleryError, InputError
from napari_tumor_synth.evaluation.exceedance import exceedance
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_scores import RealScores
from napari_tumor_synth.evaluation.judging import Judge
from napari_tumor_synth.evaluation.memorisation import RATE, Calibration, judge
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.ssim import ssim
from napari_tumor_synth.evaluation.transforms import Transform

COUNT, SIZE = 40, 24


def tumour(rng):
    return ssim_blobs.tumour(rng, SIZE, 1.2)


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    return [tumour(rng) for _ in range(COUNT)]


@pytest.fixture(scope="module")
def gallery(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    return build_gallery(write_cache(folder / "cache", real), folder / "g")


def test_scores_are_exact_and_in_order(gallery, real):
    query = tumour(np.random.default_rng(99))
    found = find_nearest(gallery, query[None], top=7)
    exact = [ssim(query, image) for image in real]
    order = sorted(range(COUNT), key=lambda index: -exact[index].foreground)
    assert [match.index for match in found.matches] == order[:7]
    for match in found.matches:
        assert match.score.whole == pytest.approx(exact[match.index].whole, abs=1e-6)
        assert match.score.foreground == pytest.approx(exact[match.index].foreground, abs=1e-6)
    first, second = (1 - exact[index].foreground for index in order[:2])
    assert found.distance_ratio == pytest.approx(first / second, abs=1e-5)


def test_a_real_one_finds_itself(gallery, real):
    found = find_nearest(gallery, real[3][None])
    assert found.matches[0].entry.name == "case-003"
    assert found.matches[0].score.foreground == pytest.approx(1, abs=1e-6)
    assert found.distance_ratio == pytest.approx(0, abs=1e-5)


def test_the_ratio_is_to_another_patient(real, tmp_path):
    cohort = write_cache(tmp_path / "c", [real[0], real[0], real[1]], patients=["a", "a", "b"])
    gallery = build_gallery(cohort, tmp_path / "g")
    found = find_nearest(gallery, real[2][None], top=1)
    exact = sorted((ssim(real[2], image).foreground for image in real[:2]), reverse=True)
    assert found.distance_ratio == pytest.approx((1 - exact[0]) / (1 - exact[1]), abs=1e-5)
    alone = build_gallery(write_cache(tmp_path / "d", real[:1]), tmp_path / "h")
    assert find_nearest(alone, real[2][None]).distance_ratio is None
    assert len(find_nearest(alone, real[2][None]).matches) == 1


CHANGES = {
    "exact": lambda image, rng: image,
    "noisy": lambda image, rng: image + 0.03 * rng.standard_normal(image.shape),
    "blurred": lambda image, rng: 0.5 * image + 0.5 * gaussian_filter(image, 1),
    "scaled": lambda image, rng: 0.8 * image,
}


def planted(image, change, rng):
    changed = CHANGES[change](image, rng)
    return np.where(image > -1, np.clip(changed, -0.9, 1), -1).astype(np.float32)


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_called_so(gallery, real, change):
    rng = np.random.default_rng(7)
    calibration = Calibration.of_gallery(gallery)
    new = [tumour(rng) for _ in range(10)]
    queries = [*new, *(planted(image, change, rng) for image in real[:10])]
    found = [find_nearest(gallery, query[None], top=1).matches[0] for query in queries]
    verdicts = judge([match.score.foreground for match in found], calibration)
    names = [verdict.name for verdict in verdicts]
    assert names[10:] == ["copy"] * 10
    assert [match.index for match in found[10:]] == list(range(10))
    assert names[:10].count("copy") <= 1
    assert "p = " in verdicts[-1].sentence


def test_a_patient_under_two_names_does_not_make_copies_look_usual(gallery, real, tmp_path):
    rng = np.random.default_rng(3)
    again = [planted(real[4], "noisy", rng), real[9]]
    twice = build_gallery(write_cache(tmp_path / "c", [*real, *again]), tmp_path / "g")
    assert twice.same_tumours == ((4, COUNT), (9, COUNT + 1))
    assert gallery.same_tumours == ()
    assert len(set(twice.persons)) == COUNT
    assert twice.persons[COUNT] == twice.persons[4]
    calibration = Calibration.of_gallery(twice)
    assert (calibration.left_out, calibration.patients) == (0, COUNT)
    assert calibration.nearest.max() < 0.9
    copy = find_nearest(twice, real[4][None], top=3)
    assert [match.index for match in copy.matches[:2]] == [4, COUNT]
    assert copy.distance_ratio < 1e-4  # to the next person, not to the same one's other name
    queries = [planted(real[20], "noisy", rng), *(tumour(rng) for _ in range(5))]
    scores = [find_nearest(twice, one[None], 1).matches[0].score.foreground for one in queries]
    verdicts = judge(scores, calibration)
    assert [verdict.name == "copy" for verdict in verdicts] == [True] + [False] * 5
    with_all = Calibration(twice.scores.nearest(twice.patients)[:, 1], COUNT + 2)
    assert judge(scores, with_all)[0].name != "copy"  # what this guards against


def test_what_is_far_nearer_than_all_others_does_not_calibrate(gallery, real, tmp_path):
    rng = np.random.default_rng(3)
    changed = real[4] + 0.5 * rng.standard_normal(real[4].shape)
    again = np.where(real[4] > -1, np.clip(changed, -0.9, 1), -1).astype(np.float32)
    assert 0.7 < ssim(again, real[4]).foreground < 0.9  # the same tumour on another day
    more = build_gallery(write_cache(tmp_path / "c", [*real, again]), tmp_path / "g")
    assert more.same_tumours == ()
    calibration = Calibration.of_gallery(more)
    assert calibration.left_out == 2
    (verdict,) = judge([0.7], calibration)
    assert "without 2 far nearer to another patient's" in verdict.sentence
    plain = Calibration.of_gallery(gallery)
    assert calibration.p_value(0.6) == pytest.approx(plain.p_value(0.6), rel=0.5)


def test_a_cohort_that_holds_everybody_twice_is_seen_through(real, tmp_path):
    rng = np.random.default_rng(0)
    again = [planted(image, "noisy", rng) for image in real]
    twice = build_gallery(write_cache(tmp_path / "c", [*real, *again]), tmp_path / "g")
    assert twice.same_tumours == tuple((index, COUNT + index) for index in range(COUNT))
    calibration = Calibration.of_gallery(twice)
    assert calibration.patients == COUNT
    assert calibration.nearest.max() < 0.9
    assert calibration.p_value(0.95) < 1e-6


def test_similar_galleries_are_not_taken_for_one_patient():
    scores = np.random.default_rng(0).uniform(0.91, 0.95, (40, 40, 2)).astype(np.float32)
    alike = RealScores(np.arange(40), scores)
    assert alike.same_tumours([str(number) for number in range(40)]) == ()
    scores[3, 5], scores[5, 3] = 0.999, 0.999
    assert alike.same_tumours([str(number) for number in range(40)]) == ((3, 5),)


def test_p_values_are_of_the_unbounded_scores():
    nearest = np.tanh(np.random.default_rng(1).normal(0.4, 0.1, 100))
    p_value = Calibration(nearest, 100).p_value(0.8)
    assert p_value == pytest.approx(exceedance(np.arctanh(0.8), np.arctanh(nearest)))


def test_the_highest_of_more_is_higher():
    rng = np.random.default_rng(2)
    highest = np.tanh(rng.normal(0.4, 0.05, (400, 50)).max(axis=1))
    calibration = Calibration(highest, 400, others=50)
    score = 0.52
    alone = calibration.p_value(score)
    assert calibration.p_value(score, among=50) == pytest.approx(alone)
    assert calibration.p_value(score, among=100) == pytest.approx(1 - (1 - alone) ** 2)
    assert calibration.p_value(score, among=25) == pytest.approx(1 - (1 - alone) ** 0.5)


def test_searching_further_never_lets_a_copy_pass(gallery, real):
    copy = planted(real[7], "blurred", np.random.default_rng(0))
    plain = find_nearest(gallery, copy[None])
    found = find_nearest(gallery, copy[None], transforms=True)
    assert found.as_it_is.score == plain.matches[0].score
    assert found.as_it_is.transform == Transform()
    judge_of = Judge.of_gallery(gallery, transforms=True)
    assert judge_of.transformed.lacking  # built without --transforms
    (judged,) = judge_of.judge([found])
    assert judged.verdict.is_copy
    assert judged.match == found.as_it_is
    new = find_nearest(gallery, tumour(np.random.default_rng(5))[None], transforms=True)
    (judged,) = judge_of.judge([new])
    assert judged.verdict.name == "not calibrated"
    assert not judged.verdict.is_copy


def test_rois_of_one_patient_may_show_the_same_tumour(real, tmp_path):
    patients = [f"p{number}" for number in range(COUNT)]
    cohort = write_cache(tmp_path / "c", [*real, real[9]], [*patients, "p9"])
    gallery = build_gallery(cohort, tmp_path / "g")
    assert gallery.same_tumours == ()
    assert Calibration.of_gallery(gallery).left_out == 0


def test_new_ones_are_called_copies_at_the_stated_rate(gallery):
    rng = np.random.default_rng(11)
    calibration = Calibration.of_gallery(gallery)
    scores = [
        find_nearest(gallery, tumour(rng)[None], top=1).matches[0].score.foreground
        for _ in range(100)
    ]
    alone = [judge([score], calibration)[0].name for score in scores]
    assert alone.count("copy") <= 100 * RATE + 2 * np.sqrt(100 * RATE * (1 - RATE))
    together = [verdict.name for verdict in judge(scores, calibration)]
    assert together.count("copy") <= 1
    p_values = np.array([calibration.p_value(score) for score in scores])
    assert 0.3 < np.median(p_values) < 0.7


def test_few_patients_are_not_enough(real, tmp_path):
    gallery = build_gallery(write_cache(tmp_path / "c", real[:29]), tmp_path / "g")
    (verdict,) = judge([1.0], Calibration.of_gallery(gallery))
    assert verdict.name == "not calibrated"
    assert "29 patients" in verdict.sentence
    assert verdict.p_value is None
    assert verdict.percentile is None


def test_many_rois_of_few_patients_are_not_enough(real, tmp_path):
    patients = [f"p{number % 10}" for number in range(COUNT)]
    gallery = build_gallery(write_cache(tmp_path / "c", real, patients), tmp_path / "g")
    assert Calibration.of_gallery(gallery).patients == 10
    assert judge([0.99], Calibration.of_gallery(gallery))[0].name == "not calibrated"


def test_percentiles_and_words(gallery):
    calibration = Calibration.of_gallery(gallery)
    highest, lowest = calibration.nearest.max(), calibration.nearest.min()
    close, usual, copy = judge([highest + 1e-4, lowest, 1.0], calibration)
    assert (usual.percentile, usual.name) == (0, "usual")
    assert (close.percentile, close.name) == (100, "close")
    assert (copy.percentile, copy.name) == (100, "copy")
    assert "Nearer to a real ROI than 100 % of real ROIs are" in close.sentence
    middle = float(np.median(calibration.nearest))
    assert calibration.percentile(middle) == pytest.approx(50, abs=100 / COUNT)
    assert calibration.p_value(middle) == pytest.approx(0.5, abs=0.1)
    assert judge([], calibration) == []


def test_what_cannot_be_looked_up(gallery):
    with pytest.raises(InputError, match="1 x 24 x 24 x 25"):
        find_nearest(gallery, np.zeros((1, 24, 24, 25), np.float32))
    with pytest.raises(InputError, match="no tumour"):
        find_nearest(gallery, np.full((1, SIZE, SIZE, SIZE), -1, np.float32))


def test_an_altered_file_is_named(real, tmp_path):
    cohort = write_cache(tmp_path / "c", real[:3])
    build_gallery(cohort, tmp_path / "g")
    victim = sorted((tmp_path / "g" / "volumes").iterdir())[1]
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-4000] + b"\x11" * 4000)
    with pytest.raises(GalleryError, match=r"case-001-.*has changed"):
        find_nearest(Gallery.open(tmp_path / "g"), real[0][None])
    build_gallery(cohort, tmp_path / "g")
    assert victim.read_bytes() == whole
    found = find_nearest(Gallery.open(tmp_path / "g"), real[0][None], transforms=True)
    assert found.matches[0].index == 0
