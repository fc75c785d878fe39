"""The probability of one more value as high: at the stated rate, whatever the distribution."""

import numpy as np
import pytest
from scipy.stats import f

from napari_tumor_synth.evaluation.exceedance import exceedance

DRAWN = 20_000


def rate(draw, count, level):
    """Share of new values that are told at a level, by `count` others of the same distribution."""
    rows = draw((DRAWN, count + 1))
    return np.mean([exceedance(row[-1], row[:-1]) <= level for row in rows])


def allowed(level):
    """A rate at most this often is the level, but for one in 30,000."""
    return level + 4 * np.sqrt(level * (1 - level) / DRAWN)


@pytest.mark.parametrize("count", [30, 200])
@pytest.mark.parametrize("name", ["normal", "exponential", "gumbel", "uniform"])
def test_new_values_are_told_at_most_as_often_as_stated(name, count):
    rng = np.random.default_rng(count)
    draw = {
        "normal": lambda size: rng.normal(3, 0.1, size),
        "exponential": rng.standard_exponential,
        "gumbel": lambda size: rng.gumbel(0, 2, size),
        "uniform": rng.random,
    }[name]
    for level in (0.001, 0.01):
        assert rate(draw, count, level) <= allowed(level)


def test_an_exponential_tail_is_told_exactly_as_often_as_stated():
    rng = np.random.default_rng(1)
    for count, level in ((30, 0.01), (300, 0.001), (300, 0.02)):
        low = 2 * level - allowed(level)
        assert low <= rate(rng.standard_exponential, count, level) <= allowed(level)


def test_within_the_range_it_is_the_rank():
    others = np.arange(100.0)
    assert exceedance(-5, others) == 1
    assert exceedance(0, others) == 1
    assert exceedance(49.5, others) == pytest.approx(51 / 101)
    assert exceedance(50, others) == pytest.approx(51 / 101)  # a tie counts as reached
    assert exceedance(89, others) == pytest.approx(12 / 101)


def test_beyond_it_is_the_tail():
    others = np.concatenate((np.zeros(90), 1 + np.arange(1, 11) / 10))
    threshold, mean = 0.0, 1.55
    for value in (0.5, 2.0, 7.0):
        expected = 11 / 101 * f.sf((value - threshold) / mean, 2, 20)
        assert exceedance(value, others) == pytest.approx(expected)


def test_two_that_are_each_others_nearest_count_once():
    rng = np.random.default_rng(4)
    once = np.sort(rng.standard_exponential(200))
    twice = np.repeat(once[::2], 2)
    alone, paired = exceedance(12.0, once), exceedance(12.0, twice)
    assert alone < paired < 100 * alone


def test_values_without_a_tail_and_few_of_them():
    assert exceedance(1.0, np.zeros(50)) == pytest.approx(11 / 51 / 1001)  # a least spread
    assert exceedance(1.0, [0.0, 0.1]) <= 2 / 3
    assert 0 < exceedance(1e9, np.random.default_rng(0).normal(size=40)) < 1e-9
    highest_first = [exceedance(value, np.arange(50.0)) for value in np.linspace(-1, 90, 400)]
    assert all(np.diff(highest_first) <= 0)
