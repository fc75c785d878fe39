"""The Fréchet distance is that of the formula, in whichever way it is computed."""

import numpy as np
import pytest
import torch
from monai.metrics import FIDMetric
from scipy.linalg import sqrtm

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.frechet import frechet_distance


def by_square_root(one, other):
    gap = one.mean(0) - other.mean(0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    return float(gap @ gap + np.trace(first + second - 2 * sqrtm(first @ second).real))


def vectors(count, length, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(length, length))
    return rng.normal(shift, size=(count, length)) @ mixing


@pytest.mark.parametrize(("n", "m", "d"), [(60, 80, 12), (30, 90, 20), (500, 400, 40)])
def test_equals_scipy_where_covariances_have_full_rank(n, m, d):
    one, other = vectors(n, d, 0), vectors(m, d, 1, shift=0.3)
    assert frechet_distance(one, other) == pytest.approx(by_square_root(one, other), rel=1e-8)


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # MONAI's
@pytest.mark.parametrize(("n", "m", "d"), [(60, 80, 12), (15, 25, 64), (100, 20, 50)])
def test_equals_monai_also_with_few_vectors(n, m, d):
    one, other = vectors(n, d, 2), vectors(m, d, 3, shift=0.2)
    theirs = float(FIDMetric()(torch.from_numpy(one), torch.from_numpy(other)))
    assert frechet_distance(one, other) == pytest.approx(theirs, rel=1e-6)


def test_known_distances():
    rng = np.random.default_rng(4)
    one = rng.normal(size=(40, 8))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(one, one + 3) == pytest.approx(8 * 9)  # means only
    spread = frechet_distance(one, 2 * one - one.mean(0))  # S and 4 S: trace of S
    assert spread == pytest.approx(np.trace(np.cov(one, rowvar=False)))
    other = rng.normal(size=(50, 8))
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one))


def test_what_has_no_distance():
    good = vectors(5, 3, 0)
    with pytest.raises(InputError, match="1 and 5"):
        frechet_distance(good[:1], good)
    with pytest.raises(InputError):
        frechet_distance(good, vectors(5, 4, 0))
    broken = good.copy()
    broken[2, 1] = np.inf
    with pytest.raises(InputError, match="not numbers"):
        frechet_distance(good, broken)
