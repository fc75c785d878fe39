import numpy as np
import pytest
import torch
from monai.metrics import MMDMetric

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.mmd import linear_mmd


def rois(count, seed, shape=(1, 4, 5, 6)):
    return list(np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32))


def test_it_is_the_squared_distance_of_the_means():
    first, second = rois(5, 0), rois(7, 1)
    gap = np.mean(first, axis=0) - np.mean(second, axis=0)
    assert linear_mmd(first, second) == pytest.approx(np.square(gap).sum(), rel=1e-5)
    assert linear_mmd(first, first) == 0
    assert linear_mmd(iter(first), iter(second)) == linear_mmd(first, second)


def test_it_differs_from_the_unbiased_estimator_by_the_spread_within_the_sets():
    first, second = rois(6, 0), rois(6, 1)
    pair = [torch.from_numpy(np.stack(each)) for each in (first, second)]
    unbiased = float(MMDMetric()(*pair))
    within = sum(np.stack(each).reshape(6, -1).var(0, ddof=1).sum() / 6 for each in (first, second))
    assert linear_mmd(first, second) == pytest.approx(unbiased + within, rel=1e-4)


def test_sets_that_cannot_be_compared_are_refused():
    with pytest.raises(InputError, match="no mean"):
        linear_mmd([], rois(1, 0))
    with pytest.raises(InputError, match="cannot be compared"):
        linear_mmd(rois(1, 0), rois(1, 0, (1, 4, 5, 7)))
    with pytest.raises(InputError, match="A set holds"):
        linear_mmd([*rois(1, 0), *rois(1, 0, (1, 4, 5, 7))], rois(1, 0))
    with pytest.raises(InputError, match="ROI 2 of a set holds values that are not numbers"):
        linear_mmd([rois(1, 0)[0], rois(1, 1)[0] * np.nan], rois(1, 0))
