"""Several readers: the published analysis of Van Dyke's data, to every printed digit."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from napari_tumor_synth.study.statistics.answers import Answers
from napari_tumor_synth.study.statistics.figures import (
    Jackknifed,
    areas,
    delong_variance,
    shares,
    together,
)
from napari_tumor_synth.study.statistics.obuchowski_rockette import (
    components,
    difference,
    mean_of_readers,
)

VAN_DYKE = json.loads((Path(__file__).parent / "van_dyke.json").read_text("utf-8"))
EXPECTED = VAN_DYKE["expected"]


def as_answers(treatment):
    ratings = np.array([[float(digit) for digit in row] for row in VAN_DYKE["ratings"][treatment]])
    truth = np.array([digit == "1" for digit in VAN_DYKE["truth"]])
    names = tuple(map(str, range(ratings.shape[1])))
    return Answers(ratings, truth, tuple("abcde"), names)


def printed(value, digits):
    """Equal to a figure that was printed with so many decimals."""
    return pytest.approx(value, abs=0.5001 * 10.0**-digits)


def figures(*treatments):
    return together([areas(as_answers(one)) for one in treatments])


@pytest.mark.parametrize("treatment", ["1", "2"])
def test_areas_and_their_components(treatment):
    found = figures(treatment)
    assert list(found.values[0]) == [printed(one, 8) for one in EXPECTED["auc"][treatment]]
    assert found.values.mean() == printed(EXPECTED["mean_auc"][treatment], 8)
    parts = components(found)
    assert parts.between_readers == printed(EXPECTED["ms_reader"][treatment], 8)
    assert parts.error == printed(EXPECTED["var_error"][treatment], 8)
    assert parts.within_treatment == printed(EXPECTED["cov2"][treatment], 8)
    answers = as_answers(treatment)
    assert found.values[0] == pytest.approx(
        [roc_auc_score(answers.is_synthetic, row) for row in answers.ratings]
    )


@pytest.mark.parametrize("treatment", ["1", "2"])
def test_one_treatment(treatment):
    random = EXPECTED["single_treatment_random_readers_random_cases"][treatment]
    found = mean_of_readers(figures(treatment))
    assert found.random_readers
    assert found.standard_error == printed(random["std_err"], 8)
    assert found.degrees == printed(random["df"], 2)
    assert [found.low, found.high] == [printed(one, 8) for one in random["ci95"]]
    fixed = EXPECTED["single_treatment_fixed_readers"][treatment]
    found = mean_of_readers(figures(treatment), random_readers=False)
    assert found.standard_error == printed(fixed["std_err"], 8)
    assert [found.low, found.high] == [printed(one, 8) for one in fixed["ci95"]]


def test_two_treatments():
    random = EXPECTED["difference_random_readers_random_cases"]
    found = difference(figures("1", "2"))
    assert found.value == printed(random["difference"], 8)
    assert found.standard_error == printed(random["std_err"], 5)
    assert found.degrees == printed(random["df"], 2)
    assert (found.value / found.standard_error) ** 2 == printed(random["f"], 2)
    assert found.p_value == printed(random["p"], 4)
    assert [found.low, found.high] == [printed(one, 5) for one in random["ci95"]]
    fixed = EXPECTED["difference_fixed_readers"]
    found = difference(figures("1", "2"), random_readers=False)
    assert found.standard_error == printed(fixed["std_err"], 5)
    assert found.value / found.standard_error == printed(fixed["z"], 2)
    assert found.p_value == printed(fixed["p"], 4)
    assert [found.low, found.high] == [printed(one, 5) for one in fixed["ci95"]]


def test_two_treatments_of_one_reader():
    covariances = figures("1", "2").covariances
    for reader, expected in enumerate(EXPECTED["reader_differences_se"]):
        own = covariances[:, reader, :, reader]
        assert np.sqrt(own[0, 0] + own[1, 1] - 2 * own[0, 1]) == printed(expected, 5)


def test_figures_without_a_case_are_those_of_the_others():
    answers = as_answers("1")
    ratings = answers.ratings.copy()
    ratings[2, 7] = np.nan
    answers = Answers(ratings, answers.is_synthetic, answers.readers, answers.cases)
    everything = np.arange(len(answers.cases))
    for measure in (areas, lambda some: shares(some.correct(2.5))):
        found = measure(answers)
        for case in (0, 7, 50, 113):
            without = measure(answers.of(np.delete(everything, case)))
            assert found.left_out[0, :, case] == pytest.approx(without.values[0])
    judged = ~np.isnan(ratings[2])
    assert areas(answers).values[0, 2] == pytest.approx(
        roc_auc_score(answers.is_synthetic[judged], ratings[2, judged])
    )


def test_delong_is_near_the_jackknife():
    answers = as_answers("1")
    jackknife = np.diag(areas(answers).covariances[0, :, 0, :])
    for ratings, expected in zip(answers.ratings, jackknife, strict=True):
        variance = delong_variance(ratings[answers.is_synthetic], ratings[~answers.is_synthetic])
        assert variance == pytest.approx(expected, rel=0.03)


def test_few_readers_are_these_readers():
    five = areas(as_answers("1"))
    four = Jackknifed(five.values[:, :4], five.left_out[:, :4])
    assert mean_of_readers(five).random_readers
    found = mean_of_readers(four)
    assert not found.random_readers
    assert found.high - found.low < 2 * 1.96 * found.standard_error + 1e-9
    alone = mean_of_readers(Jackknifed(five.values[:, :1], five.left_out[:, :1]))
    assert alone.standard_error == pytest.approx(np.sqrt(five.covariances[0, 0, 0, 0]))


def test_readers_who_cannot_be_told_apart_and_who_never_err():
    truth = np.repeat([False, True], 10)
    ratings = np.where(truth, 6.0, 1.0)[None].repeat(6, axis=0)
    answers = Answers(ratings, truth, tuple("abcdef"), tuple(map(str, range(20))))
    found = mean_of_readers(areas(answers))
    assert (found.value, found.standard_error) == (1, 0)
    assert (found.low, found.high, found.p_value) == (None, None, None)  # no certainty
    same = mean_of_readers(shares(np.tile([0.0, 1.0], (6, 10))))
    assert same.degrees == np.inf
    assert same.p_value == 1
    half = norm.ppf(0.975) * same.standard_error
    assert [same.low, same.high] == pytest.approx([0.5 - half, 0.5 + half])


def test_readers_with_too_few_cases_have_no_figure():
    ratings = np.array([[1.0, 6, np.nan, np.nan], [1, 2, 5, 6]])
    answers = Answers(ratings, np.array([False, True, False, True]), ("a", "b"), tuple("wxyz"))
    found = areas(answers)
    assert np.isnan(found.values[0, 0])
    assert found.values[0, 1] == 0.75
    assert shares(np.array([[1.0, np.nan, np.nan]])).values[0, 0] != 1  # one answer: none
