"""KID: the estimate of the paper with one vector an ROI, and by ROI with several."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import Features
from napari_tumor_synth.evaluation.kernel_distance import (
    kernel_between_rois,
    kernel_distance,
    kernel_distance_of,
    subset_kernel_distance,
)


def features(count, each, length, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(shift, size=(count * each, length)).astype(np.float32)
    return Features(vectors, np.repeat(np.arange(count), each), count)


def kid(one, other):
    kernel = kernel_between_rois(one, other)
    ours = np.arange(one.rois)
    return kernel_distance_of(kernel, ours, np.arange(other.rois) + one.rois)


def published(x, y):
    """The unbiased estimate with the cubic kernel, as in the paper."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    xx, yy, xy = (
        polynomial_kernel(a, b, degree=3, gamma=1 / x.shape[1], coef0=1)
        for a, b in ((x, x), (y, y), (x, y))
    )
    n, m = len(x), len(y)
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2 * xy.mean()


def test_equals_scikit_learn_with_one_vector_an_roi():
    one, other = features(30, 1, 16, 0), features(45, 1, 16, 1, shift=0.2)
    assert kid(one, other) == pytest.approx(published(one.vectors, other.vectors), rel=1e-9)


def test_slices_of_one_roi_are_no_pairs():
    one, other = features(6, 4, 8, 2), features(5, 4, 8, 3, shift=0.1)

    def mean_kernel(a, b):
        a, b = a.astype(np.float64), b.astype(np.float64)
        return polynomial_kernel(a, b, degree=3, gamma=1 / 8, coef0=1).mean()

    x = [one.of(np.array([roi])) for roi in range(6)]
    y = [other.of(np.array([roi])) for roi in range(5)]
    within = np.mean(
        [mean_kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    )
    within += np.mean(
        [mean_kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    )
    between = np.mean([mean_kernel(a, b) for a in x for b in y])
    assert kid(one, other) == pytest.approx(within - 2 * between, rel=1e-9)


def test_blocks_change_nothing(monkeypatch):
    one, other = features(7, 3, 8, 4), features(9, 2, 8, 5)
    whole = kernel_between_rois(one, other)
    monkeypatch.setattr("napari_tumor_synth.evaluation.kernel_distance._BLOCK", 5)
    assert kernel_between_rois(one, other) == pytest.approx(whole, rel=1e-12)


def test_it_is_unbiased():
    values = [
        kid(features(20, 1, 12, seed), features(15, 1, 12, seed + 1000)) for seed in range(60)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    far = [kid(features(20, 1, 12, s), features(15, 1, 12, s + 1000, 0.5)) for s in range(20)]
    assert np.mean(far) > 10 * np.std(values) / np.sqrt(len(values))


def test_intervals_hold_the_estimate_and_widen_with_patients():
    one, other = features(40, 1, 12, 6), features(40, 1, 12, 7, shift=0.3)
    kernel = kernel_between_rois(one, other)
    value, low, high = kernel_distance(kernel, 40, np.arange(40), np.random.default_rng(0))
    assert low < value < high
    copies = Features(np.repeat(other.vectors[:10], 4, axis=0), other.owner, 40)
    clustered = kernel_between_rois(one, copies)
    few = kernel_distance(clustered, 40, np.arange(40) // 4, np.random.default_rng(0))
    many = kernel_distance(clustered, 40, np.arange(40), np.random.default_rng(0))
    assert few[2] - few[1] > 1.3 * (many[2] - many[1])


def test_subsets_are_those_of_the_paper(monkeypatch):
    monkeypatch.setattr("napari_tumor_synth.evaluation.kernel_distance._BLOCK", 7)
    one, other = features(9, 3, 8, 8), features(11, 2, 8, 9, shift=0.2)
    found = subset_kernel_distance(one, other, np.random.default_rng(5), subsets=6, size=10)
    rng = np.random.default_rng(5)
    expected = [
        published(
            one.vectors[rng.choice(27, 10, replace=False)],
            other.vectors[rng.choice(22, 10, replace=False)],
        )
        for _ in range(6)
    ]
    assert found.mean == pytest.approx(np.mean(expected), rel=1e-9)
    assert (found.low, found.high) == pytest.approx(np.quantile(expected, [0.025, 0.975]), rel=1e-9)
    assert found.size == 10


def test_subsets_of_small_sets_differ():
    one, other = features(9, 1, 8, 8), features(20, 1, 8, 9)
    found = subset_kernel_distance(one, other, np.random.default_rng(0))
    assert found.size == 4
    assert found.low < found.mean < found.high
    with pytest.raises(InputError, match="3 and 20"):
        subset_kernel_distance(features(3, 1, 8, 0), other, np.random.default_rng(0))


def test_slices_of_one_roi_raise_the_figure_of_subsets():
    """Two samples of one distribution: by ROI nothing, by slice much."""
    rng = np.random.default_rng(0)

    def alike(seed):
        each = features(12, 1, 8, seed).vectors.repeat(6, axis=0)
        return Features(each, np.repeat(np.arange(12), 6), 12)

    sets = [(alike(seed), alike(seed + 100)) for seed in range(30)]
    by_roi = [kid(*both) for both in sets]
    by_slice = [subset_kernel_distance(*both, rng, subsets=20).mean for both in sets]
    assert abs(np.mean(by_roi)) < 3 * np.std(by_roi) / np.sqrt(30)
    assert np.mean(by_slice) > 10 * np.std(by_slice) / np.sqrt(30)


@pytest.mark.parametrize(("ours", "patients"), [(2, 40), (40, 2)])
def test_two_have_no_interval(ours, patients):
    one, other = features(ours, 1, 8, 0), features(40, 1, 8, 1)
    numbers = np.arange(40) % patients
    kernel = kernel_between_rois(one, other)
    value, low, high = kernel_distance(kernel, ours, numbers, np.random.default_rng(0))
    owners = np.concatenate([np.arange(ours), ours + numbers])
    expected = kernel_distance_of(kernel, np.arange(ours), np.arange(40) + ours, owners)
    assert value == pytest.approx(expected)
    assert np.isnan([low, high]).all()


def test_rois_of_one_patient_do_not_raise_it():
    """Real ROIs of the generator's own distribution: 0 is expected, however few patients."""
    rng = np.random.default_rng(3)
    numbers = np.repeat(np.arange(20), 4)
    found, unknowing = [], []
    for _ in range(40):
        patients = np.sqrt(0.8) * rng.normal(size=(20, 16))
        theirs = patients[numbers] + np.sqrt(0.2) * rng.normal(size=(80, 16))
        ours = rng.normal(size=(80, 16))
        kernel = kernel_between_rois(
            *(Features(one.astype(np.float32), np.arange(80), 80) for one in (ours, theirs))
        )
        value, low, high = kernel_distance(kernel, 80, numbers, rng)
        assert low <= value <= high
        found.append(value)
        unknowing.append(kernel_distance(kernel, 80, np.arange(80), rng)[0])
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(40)
    assert np.mean(unknowing) > 6 * np.std(unknowing) / np.sqrt(40)
