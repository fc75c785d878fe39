"""Why no binomial test of all answers is offered: common cases make it find what is not there."""

import numpy as np
import pytest
from scipy.stats import binomtest

from napari_tumor_synth.study.statistics.figures import shares
from napari_tumor_synth.study.statistics.obuchowski_rockette import mean_of_readers

READERS, CASES, STUDIES = 5, 60, 500


def false_alarms(reader_sd, case_sd):
    """Share of studies in which guessing readers are told from guessing, by each test."""
    rng = np.random.default_rng(0)
    found = {"all answers together": 0, "readers and cases random": 0}
    for _ in range(STUDIES):
        shift = reader_sd * rng.standard_normal((READERS, 1)) + case_sd * rng.standard_normal(CASES)
        chance = 1 / (1 + np.exp(-shift))
        correct = (rng.random((READERS, CASES)) < chance).astype(float)
        pooled = binomtest(int(correct.sum()), correct.size)
        found["all answers together"] += pooled.pvalue <= 0.05
        found["readers and cases random"] += mean_of_readers(shares(correct)).p_value <= 0.05
    return {name: count / STUDIES for name, count in found.items()}


@pytest.mark.slow
def test_answers_of_readers_to_common_cases_are_no_independent_trials():
    independent = false_alarms(0.0, 0.0)
    assert independent["all answers together"] < 0.075
    different = false_alarms(0.2, 0.5)
    assert different["all answers together"] > 0.1
    assert different["readers and cases random"] < 0.08
