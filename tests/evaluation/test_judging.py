"""Verdicts with transforms: the stricter one counts, with its own evidence."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_tumor_synth.evaluation.judging import Judge
from napari_tumor_synth.evaluation.memorisation import Calibration

PLAIN = Calibration(np.tanh(np.linspace(0.3, 0.5, 40)), 40)
LAXER = Calibration(np.tanh(np.linspace(0.5, 0.9, 40)), 40)
LACKING = Calibration(np.empty(0), 0, "nothing was searched")


def match(score):
    return SimpleNamespace(score=SimpleNamespace(foreground=score))


def judged(as_it_is, transformed, calibration):
    found = SimpleNamespace(as_it_is=match(as_it_is), matches=(match(transformed),))
    (one,) = Judge(PLAIN, calibration).judge([found])
    return one, found


@pytest.mark.parametrize(
    ("as_it_is", "transformed", "calibration", "name", "of_the_plain"),
    [
        (0.35, 0.6, LAXER, "usual", False),
        (0.46, 0.6, LAXER, "close", True),
        (0.35, 0.72, LAXER, "close", False),
        (0.9, 0.95, LAXER, "copy", False),
        (0.7, 0.72, LAXER, "copy", True),
        (0.35, 0.6, LACKING, "not calibrated", False),
        (0.46, 0.6, LACKING, "close", True),
        (1.0, 1.0, LACKING, "copy", True),
        (0.35, 0.95, LACKING, "not calibrated", False),
    ],
)
def test_the_stricter_verdict_counts(as_it_is, transformed, calibration, name, of_the_plain):
    one, found = judged(as_it_is, transformed, calibration)
    assert one.verdict.name == name
    assert one.match is (found.as_it_is if of_the_plain else found.matches[0])
    assert one.verdict.sentence.startswith("As it is, not transformed: ") == of_the_plain


def test_a_tumour_found_by_a_transform_is_held_back_without_a_calibration():
    one, _ = judged(0.46, 0.95, LACKING)  # close as it is, the same tumour when turned
    assert one.verdict.name == "not calibrated"
    assert one.verdict.is_copy


def test_without_transforms_there_is_one_verdict():
    found = SimpleNamespace(as_it_is=match(0.35), matches=(match(0.35),))
    (one,) = Judge(PLAIN).judge([found])
    assert (one.verdict.name, one.match) == ("usual", found.as_it_is)
