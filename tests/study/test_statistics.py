"""Figures of readers against independent libraries and textbook values."""

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from napari_tumor_synth.study.statistics.accuracy import accuracy
from napari_tumor_synth.study.statistics.agreement import (
    alpha,
    fleiss,
    mean_weighted_kappa,
    weighted_kappa,
)
from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.contrasts import contrast
from napari_tumor_synth.study.statistics.course import times, trend
from napari_tumor_synth.study.statistics.detection import detection, detection_of_pairs
from napari_tumor_synth.study.statistics.equivalence import equivalence
from napari_tumor_synth.study.statistics.figures import areas, balanced_shares, shares
from napari_tumor_synth.study.statistics.obuchowski_rockette import Estimate, mean_of_readers
from napari_tumor_synth.study.statistics.of_reader import result_of
from napari_tumor_synth.study.statistics.pooled import pooled
from napari_tumor_synth.study.statistics.power import (
    answers_as_balanced,
    answers_for_equivalence,
    many_readers,
    one_reader,
)

NAN = float("nan")


def made_up(readers=4, cases=30, sensitivity=1.0, seed=0):
    """Readers of a known d' on common cases, rating by six equal steps."""
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) % 2 == 1
    seen = rng.standard_normal((readers, cases)) + sensitivity * truth
    ratings = 1 + np.digitize(seen, sensitivity / 2 + np.array([-1, -0.5, 0, 0.5, 1]))
    names = tuple(f"R{number}" for number in range(readers))
    return Answers(ratings.astype(float), truth, names, tuple(map(str, range(cases))))


def test_accuracy_of_one_reader():
    found = accuracy(41, 60)
    assert found.share == pytest.approx(41 / 60)
    assert found.exact == pytest.approx(proportion_confint(41, 60, method="beta"))
    assert found.wilson == pytest.approx(proportion_confint(41, 60, method="wilson"))
    assert found.p_value == pytest.approx(2 * binom.sf(40, 60, 0.5))
    assert accuracy(30, 60).equivalence(0.2) < 0.01
    assert accuracy(30, 60).equivalence(0.05) > 0.2
    assert accuracy(50, 60).equivalence(0.1) > 0.99


def test_d_prime_of_a_textbook_case():
    # Macmillan and Creelman, chapter 1: H = 20 of 25, F = 10 of 25, d' = 1.095, c = -0.294
    assert norm.ppf(0.8) - norm.ppf(0.4) == pytest.approx(1.095, abs=1e-3)
    found = detection(20, 25, 10, 25)
    hit, false = 20.5 / 26, 10.5 / 26  # log-linear correction
    assert found.sensitivity == pytest.approx(norm.ppf(hit) - norm.ppf(false))
    assert found.criterion == pytest.approx(-(norm.ppf(hit) + norm.ppf(false)) / 2)
    assert (found.hit_rate, found.false_alarm_rate) == (0.8, 0.4)
    always = detection(25, 25, 25, 25)
    assert always.sensitivity == pytest.approx(0)
    assert always.criterion < -1.5
    assert np.isfinite(detection(25, 25, 0, 25).high)


def test_d_prime_of_pairs_is_that_of_single_rois():
    # d' of 1 gives norm.cdf(1 / sqrt(2)) right answers of pairs: 76 of 100
    right = round(10_000 * norm.cdf(1 / np.sqrt(2)))
    found = detection_of_pairs(right, 10_000, right, 10_000)
    assert found.sensitivity == pytest.approx(1, abs=0.01)
    assert found.criterion == pytest.approx(0, abs=1e-6)
    leaning = detection_of_pairs(90, 100, 40, 100)  # prefers to call the first one synthetic
    assert leaning.criterion < -0.5


@pytest.mark.parametrize("sensitivity", [0, 1, 2])
def test_intervals_of_d_prime_cover(sensitivity):
    rng = np.random.default_rng(sensitivity)
    hits = rng.binomial(60, norm.cdf(sensitivity / 2), 2000)
    false = rng.binomial(60, norm.cdf(-sensitivity / 2), 2000)
    found = [detection(h, 60, f, 60) for h, f in zip(hits, false, strict=True)]
    covered = np.mean([one.low <= sensitivity <= one.high for one in found])
    assert 0.93 < covered < 0.975


def test_agreement():
    # Fleiss 1971 as printed in statsmodels' own tests is for many categories; by hand for two:
    said = np.array([[1.0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]])
    share = said.mean()
    observed = np.mean([1, 1 / 3, 1, 1 / 3])
    expected = share**2 + (1 - share) ** 2
    assert fleiss(said) == pytest.approx((observed - expected) / (1 - expected))
    assert fleiss(np.ones((3, 4))) is None
    assert fleiss(said[:1]) is None
    first, second = np.array([1.0, 2, 3, 4, 5, 6, NAN]), np.array([1.0, 2, 3, 4, 6, 5, 2])
    weights = (first[:6, None] - second[None, :6]) ** 2
    by_hand = 1 - np.diag(weights).mean() / weights.mean()
    assert weighted_kappa(first, second) == pytest.approx(by_hand)
    assert weighted_kappa(first[:1], second[:1]) is None
    both = np.array([first, second])
    assert mean_weighted_kappa(both) == pytest.approx(by_hand)
    assert alpha(both) == pytest.approx(0.95, abs=0.05)
    assert alpha(np.full((2, 3), NAN)) is None
    assert alpha(both[:, 6:]) is None
    rng = np.random.default_rng(0)
    chance = rng.integers(1, 7, (5, 400)).astype(float)
    for figure in (fleiss(chance > 3.5), mean_weighted_kappa(chance), alpha(chance)):
        assert figure == pytest.approx(0, abs=0.05)
    same = np.tile(chance[:1], (3, 1))
    for figure in (fleiss((same > 3.5).astype(float)), mean_weighted_kappa(same), alpha(same)):
        assert figure == pytest.approx(1)


def test_power_is_that_of_the_literature():
    assert [answers_for_equivalence(margin) for margin in (0.05, 0.1, 0.15)] == [888, 227, 100]
    assert answers_for_equivalence(0.01) is None
    for count in (96, 99, 100, 214):  # by enumeration of all outcomes
        rejected = [k for k in range(count + 1) if accuracy(k, count).equivalence(0.15) <= 0.05]
        power = binom.pmf(rejected, count, 0.5).sum()
        assert one_reader(count).equivalence[0.15] == pytest.approx(power)
    at_50 = one_reader(50)
    assert at_50.interval == pytest.approx((0.36, 0.64), abs=0.005)
    assert one_reader(20).interval == pytest.approx((0.27, 0.73), abs=0.005)
    assert one_reader(200).interval == pytest.approx((0.43, 0.57), abs=0.005)
    assert at_50.equivalence[0.1] < 0.1  # 50 answers of one reader cannot show that
    assert one_reader(90).detectable == pytest.approx(0.65, abs=0.01)
    assert one_reader(210).detectable == pytest.approx(0.60, abs=0.01)
    assert one_reader(3).detectable is None
    for count in (20, 40, 60):  # no result of so few would show it
        assert one_reader(count).equivalence[0.1] == 0
    assert answers_as_balanced(60, 60) == 120
    assert one_reader(120, task="single").equivalence[0.1] < one_reader(120).equivalence[0.1]
    assert answers_as_balanced(60, 300) == 200
    assert many_readers(2, 5).half_width <= 0.5


@pytest.mark.parametrize("readers", [1, 3, 8])
def test_power_of_single_cases_is_that_of_the_verdict(readers):
    """The mean of guessing readers with six degrees, by the functions that reports use."""
    rng = np.random.default_rng(readers)
    cases, truth = 240, np.arange(240) % 2 == 1
    shown = []
    for _ in range(300):
        ratings = rng.integers(1, 7, (readers, cases)).astype(float)
        names = tuple(map(str, range(readers)))
        found = pooled(Answers(ratings, truth, names, tuple(map(str, range(cases)))), "single", 0.1)
        shown.append(max(found.equivalence, found.area_equivalence) <= 0.05)
    if readers == 1:
        plan = one_reader(cases, (0.1,), "single").equivalence[0.1]
    else:
        told = many_readers(readers, cases, (0.1,), "single", reader_sd=0.0, case_correlation=0.0)
        plan = told.equivalence[0.1]
    assert np.mean(shown) == pytest.approx(plan, abs=0.08)


def test_power_of_few_readers_is_that_of_fixed_ones():
    rng = np.random.default_rng(1)
    readers, cases = 3, 120
    plan = many_readers(readers, cases, (0.1,), case_correlation=0.0)
    assert not plan.random_readers
    found = [mean_of_readers(shares((rng.random((readers, cases)) < 0.5).astype(float)))
             for _ in range(300)]  # fmt: skip
    widths = [(one.high - one.low) / 2 for one in found]
    assert np.mean(widths) == pytest.approx(plan.half_width, rel=0.05)
    shown = np.mean([equivalence(one, 0.1) <= 0.05 for one in found])
    assert shown == pytest.approx(plan.equivalence[0.1], abs=0.06)


def test_power_of_many_readers_is_what_simulations_find():
    rng = np.random.default_rng(0)
    readers, cases, sd, correlation = 6, 100, 0.03, 0.1
    plan = many_readers(readers, cases, (0.1,), reader_sd=sd, case_correlation=correlation)
    shown, widths = [], []
    for _ in range(300):
        level = rng.normal(0, sd / norm.pdf(0), readers)
        common = np.sqrt(np.sin(np.pi / 2 * correlation)) * rng.standard_normal(cases)
        own = np.sqrt(1 - np.sin(np.pi / 2 * correlation)) * rng.standard_normal((readers, cases))
        correct = (common + own + level[:, None] > 0).astype(float)
        found = mean_of_readers(shares(correct))
        shown.append(equivalence(found, 0.1) <= 0.05)
        widths.append((found.high - found.low) / 2)
    assert np.mean(widths) == pytest.approx(plan.half_width, rel=0.2)
    assert np.mean(shown) == pytest.approx(plan.equivalence[0.1], abs=0.15)


def test_equivalence_of_a_mean():
    of = Estimate(0.52, 0.02, np.inf, 0.48, 0.56, 0.3, 0.5, False)
    assert equivalence(of, 0.1) == pytest.approx(norm.sf(0.08 / 0.02))
    away = Estimate(0.62, 0.02, 8, 0.57, 0.67, 0, 0.5, True)
    assert equivalence(away, 0.1) > 0.5
    exact = Estimate(0.5, 0, np.inf, None, None, None, 0.5, False)
    assert equivalence(exact, 0.1) is None


def test_who_always_says_the_same_is_right_half_of_the_time():
    truth = np.arange(90) % 3 > 0  # twice as many synthetic ones
    always = Answers(np.full((6, 90), 6.0), truth, tuple("abcdef"), tuple(map(str, range(90))))
    assert balanced_shares(always.correct(), truth).values == pytest.approx(0.5)
    found = pooled(always, "single", 0.1)
    assert found.accuracy.value == 0.5
    assert found.area.value == 0.5
    one = result_of(always, 0, "single", 0.1)
    assert one.accuracy.share == pytest.approx(2 / 3)
    assert one.p_value == 1
    assert one.balanced[0] == 0.5
    assert 0.4 < one.balanced[1] < 0.5 < one.balanced[2] < 0.6
    assert one.equivalence < 0.01
    assert one.detection.sensitivity == pytest.approx(0, abs=0.4)


def test_balanced_shares_are_shares_when_there_are_as_many_of_each():
    answers = made_up()
    balanced = balanced_shares(answers.correct(), answers.is_synthetic)
    assert balanced.values == pytest.approx(shares(answers.correct()).values)
    ratio = np.diag(balanced.covariances[0, :, 0]) / np.diag(
        shares(answers.correct()).covariances[0, :, 0]
    )
    assert ratio == pytest.approx(1, rel=0.3)


def test_one_reader_in_full():
    answers = made_up(cases=60)
    found = result_of(answers, 2, "single", 0.1)
    area = roc_auc_score(answers.is_synthetic, answers.ratings[2])
    assert found.area.value == pytest.approx(area)
    assert found.area.low < area < found.area.high
    said = answers.ratings[2] > 3.5
    assert found.detection.hit_rate == np.mean(said[answers.is_synthetic])
    assert found.detection.false_alarm_rate == np.mean(said[~answers.is_synthetic])
    assert found.accuracy.right == np.sum(said == answers.is_synthetic)
    nobody = Answers(np.full((1, 4), NAN), np.array([0, 1, 0, 1], bool), ("a",), tuple("wxyz"))
    assert result_of(nobody, 0, "single", 0.1) is None
    assert pooled(nobody, "single", 0.1) is None
    perfect = Answers(
        np.array([[1.0, 6, 1, 6]]), np.array([0, 1, 0, 1], bool), ("a",), tuple("wxyz")
    )
    assert result_of(perfect, 0, "single", 0.1).area.low is None


def test_contrast_of_generators():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], 40)  # real, one generator, another that is seen through
    seen = rng.standard_normal((6, 120)) + np.array([0, 0.2, 2.0])[kinds]
    ratings = np.digitize(seen, [-1, 0, 0.5, 1, 2]) + 1.0
    ratings[0, 5] = NAN
    names = tuple(map(str, range(120)))
    answers = Answers(ratings, kinds > 0, tuple("abcdef"), names)
    found = contrast(answers, kinds == 1, kinds == 2)
    chosen = [areas(answers.of((kinds == 0) | (kinds == one))).values.mean() for one in (1, 2)]
    assert [found.first, found.second] == pytest.approx(chosen)
    assert found.low < found.difference < found.high < 0
    assert found.p_value < 0.01
    assert found.random_readers
    same = contrast(answers, kinds == 1, kinds == 1)
    assert same.difference == 0
    assert same.p_value > 0.5
    few = Answers(ratings[:3], kinds > 0, tuple("abc"), names)
    assert not contrast(few, kinds == 1, kinds == 2).random_readers
    assert contrast(answers, kinds == 1, kinds == 2).low == found.low


@pytest.mark.slow
def test_contrasts_of_equal_generators_are_told_at_most_at_the_nominal_rate():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], 25)
    told = []
    for _ in range(200):
        cases = rng.standard_normal(75) * 0.5
        level = rng.standard_normal((6, 1)) * 0.2
        seen = rng.standard_normal((6, 75)) + cases + (kinds > 0) * (0.5 + level)
        ratings = np.digitize(seen, [-1, -0.3, 0.2, 0.8, 1.5]) + 1.0
        answers = Answers(ratings, kinds > 0, tuple("abcdef"), tuple(map(str, range(75))))
        told.append(contrast(answers, kinds == 1, kinds == 2).p_value <= 0.05)
    assert np.mean(told) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_times_and_learning():
    found = times(np.array([1.0, 2, 3, 4, NAN]))
    assert (found.count, found.median, found.low, found.high) == (4, 2.5, 1.75, 3.25)
    assert times(np.array([NAN])) is None
    rng = np.random.default_rng(0)
    places = np.tile(np.arange(200.0), (6, 1))
    learning = (rng.random((6, 200)) < 0.5 + 0.2 * places / 100).astype(float)
    better = trend(places, learning)
    assert better.low < 0.4 < better.high
    assert better.low > 0
    assert better.random_readers
    guessing = trend(places[:3], (rng.random((3, 200)) < 0.5).astype(float))
    assert guessing.low < 0 < guessing.high
    assert not guessing.random_readers
    assert trend(places[:, :19], learning[:, :19]) is None
    assert trend(places, np.ones_like(learning)) is None
    short = learning.copy()
    short[0, 3:] = NAN
    assert trend(places, short).readers == 5
    flawless = np.vstack([learning[:2], np.ones((1, 200))])
    assert np.isfinite([trend(places[:3], flawless).low, trend(places[:3], flawless).high]).all()


@pytest.mark.slow
@pytest.mark.parametrize("readers", [6, 10])
@pytest.mark.parametrize("who", ["chance", "d' = 1", "d' = 2", "biased"])
def test_simulated_readers_are_recovered_at_nominal_coverage(who, readers):
    """Readers and cases are drawn anew each time; the truth is that of their population."""
    sensitivity, shift = {"chance": (0, 0), "d' = 1": (1, 0), "d' = 2": (2, 0), "biased": (1, 0.8)}[
        who
    ]
    rng = np.random.default_rng(len(who) + readers)
    case_sd, reader_sd, own_sd, studies = 0.4, 0.15, 0.9, 600
    spread = np.hypot(case_sd, own_sd)
    area = norm.cdf(sensitivity / np.hypot(np.sqrt(2) * spread, reader_sd))
    truth = np.arange(120) % 2 == 1
    names = tuple(map(str, range(120))), tuple(map(str, range(readers)))
    middle = sensitivity / 2 + shift
    hit = norm.cdf((sensitivity - middle) / np.hypot(spread, reader_sd))
    rejected = norm.cdf(middle / spread)
    covered = {"area": 0, "accuracy": 0}
    for _ in range(studies):
        skill = sensitivity + reader_sd * rng.standard_normal((readers, 1))
        seen = case_sd * rng.standard_normal(120) + own_sd * rng.standard_normal((readers, 120))
        seen = seen + skill * truth
        fine = np.digitize(seen, middle + np.linspace(-3, 3, 61))  # fine, so that the area is known
        coarse = np.where(seen > middle, 4.0, 3.0)
        found = mean_of_readers(areas(Answers(fine.astype(float), truth, names[1], names[0])))
        covered["area"] += found.low <= area <= found.high
        said = Answers(coarse, truth, names[1], names[0])
        found = pooled(said, "single", 0.1).accuracy
        covered["accuracy"] += found.low <= (hit + rejected) / 2 <= found.high
    for name, count in covered.items():
        assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies) <= count / studies <= 0.99, name
