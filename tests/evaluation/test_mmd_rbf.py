import json

import numpy as np
import pytest
import torch
from monai.metrics import MMDMetric
from sklearn.metrics.pairwise import rbf_kernel

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_of_features
from napari_tumor_synth.evaluation.kernel_means import spread, unbiased_mmd2
from napari_tumor_synth.evaluation.mmd_rbf import mmd_rbf, mmd_rbf_of_features, mmd_rbf_of_gram
from ssim_blobs import blob


@pytest.fixture
def few_resamples(monkeypatch):
    """Spend no time on intervals that a test does not look at."""
    monkeypatch.setattr("napari_tumor_synth.evaluation.mmd_rbf.RESAMPLES", 20)


def blobs(count, seed, size=14):
    rng = np.random.default_rng(seed)
    return [blob(rng, size) for _ in range(count)]


def unbiased(ours, theirs, gamma):
    within = [
        (rbf_kernel(x, gamma=gamma).sum() - len(x)) / (len(x) * (len(x) - 1))
        for x in (ours, theirs)
    ]
    return sum(within) - 2 * rbf_kernel(ours, theirs, gamma=gamma).mean()


@pytest.mark.parametrize(("n", "m"), [(6, 6), (4, 9)])
def test_voxels_give_sklearns_kernel_values(n, m):
    ours, theirs = blobs(n, 0), blobs(m, 1)
    found = mmd_rbf(ours, theirs, permutations=20)
    x, y = (np.stack([roi.ravel() for roi in rois]).astype(np.float64) for rois in (ours, theirs))
    expected = unbiased(x, y, 1 / (2 * found.bandwidth**2))
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert (found.synthetic, found.real, found.patients) == (n, m, m)


def test_the_linear_kernel_gives_monais_figure():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 7, 3, 4, 5)).astype(np.float32)
    both = np.concatenate([x, y]).reshape(14, -1)
    labels = np.repeat([[True, False]], 7, axis=1)
    found = unbiased_mmd2(gram_of_features(both), labels, ~labels)[0]
    theirs = float(MMDMetric()(torch.from_numpy(x[:, None]), torch.from_numpy(y[:, None])))
    assert found == pytest.approx(theirs, rel=1e-4)


def test_the_spread_is_the_total_variance():
    x = np.random.default_rng(0).normal(size=(9, 4))
    assert spread(gram_of_features(x), np.ones((1, 9)))[0] == pytest.approx(x.var(0, ddof=1).sum())


def test_weights_count_copies_but_never_pair_them():
    x = np.random.default_rng(0).normal(size=(5, 3))
    kernel = rbf_kernel(x)
    found = unbiased_mmd2(kernel, np.array([[2, 1, 0, 0, 0]]), np.array([[0, 0, 1, 1, 0]]))[0]
    between = (2 * kernel[0, 2] + 2 * kernel[0, 3] + kernel[1, 2] + kernel[1, 3]) / 6
    assert found == pytest.approx(kernel[0, 1] + kernel[2, 3] - 2 * between)
    owners = np.array([0, 1, 2, 2, 3])
    everything = np.array([[1, 1, 0, 0, 0]]), np.array([[0, 0, 2, 1, 1]])
    pairs = [(2, 4, 2), (3, 4, 1)]  # of different owners, and how often each is drawn
    within = sum(times * kernel[i, j] for i, j, times in pairs) / 3
    between = sum(w * kernel[i, j] for i in (0, 1) for j, w in ((2, 2), (3, 1), (4, 1))) / 8
    assert unbiased_mmd2(kernel, *everything, owners)[0] == pytest.approx(
        kernel[0, 1] + within - 2 * between
    )
    alone = unbiased_mmd2(kernel, np.array([[2, 0, 0, 0, 0]]), np.array([[0, 0, 1, 1, 0]]))
    assert np.isnan(alone).all()


@pytest.mark.usefixtures("few_resamples")
def test_equal_distributions_reach_small_p_values_as_often_as_they_should():
    rng = np.random.default_rng(1)
    p_values = [
        mmd_rbf_of_features(
            rng.normal(size=(12, 4)), rng.normal(size=(15, 4)), permutations=99, seed=seed
        ).p_value
        for seed in range(300)
    ]
    assert abs(np.mean(np.array(p_values) <= 0.1) - 0.1) < 0.05
    assert abs(np.mean(p_values) - 0.5) < 0.06


@pytest.mark.usefixtures("few_resamples")
def test_the_estimate_is_unbiased():
    rng = np.random.default_rng(2)
    values = [
        mmd_rbf_of_features(
            rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), permutations=1, bandwidth=2
        ).value
        for _ in range(300)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)


def test_it_sees_collapse_that_the_mean_image_hides():
    real = blobs(30, 1)
    collapsed = mmd_rbf([np.mean(real, axis=0)] * 30, real, permutations=200)
    honest = mmd_rbf(blobs(30, 2), real, permutations=200)
    assert collapsed.p_value == pytest.approx(1 / 201)
    assert collapsed.low > honest.high
    assert honest.p_value > 0.05
    assert honest.floor_low < honest.value < honest.floor_high


@pytest.mark.usefixtures("few_resamples")
def test_rois_of_one_patient_are_not_independent_evidence():
    # Two samples of six patients from one distribution, each patient seen eight times over.
    rng = np.random.default_rng(3)
    found = {True: 0, False: 0}
    for seed in range(60):
        patients = rng.normal(size=(12, 5))
        seen = np.repeat(patients, 8, axis=0) + rng.normal(0, 0.05, (96, 5))
        names = [str(number // 8) for number in range(48)]
        gram = gram_of_features(seen)
        for knowing in found:
            given = {"patients": names, "synthetic_patients": names} if knowing else {}
            result = mmd_rbf_of_gram(gram, 48, permutations=60, seed=seed, **given)
            found[knowing] += result.p_value < 0.05
    assert found[True] <= 9
    assert found[False] >= 30


def test_every_patient_counts_once():
    rng = np.random.default_rng(4)
    ours, theirs = rng.normal(size=(6, 3)), rng.normal(size=(5, 3))
    often = np.concatenate([theirs, np.repeat(theirs[:1], 7, axis=0)])
    patients = [*"abcde", *"a" * 7]
    one = mmd_rbf_of_features(ours, theirs, bandwidth=1.5, permutations=20)
    again = mmd_rbf_of_features(ours, often, bandwidth=1.5, permutations=20, patients=patients)
    assert again.value == pytest.approx(one.value)
    assert again.p_value == one.p_value
    assert (again.real, again.patients) == (12, 5)


def test_the_seed_decides_and_json_holds_all():
    ours, theirs = np.random.default_rng(5).normal(size=(2, 8, 3))
    first, again, other = (
        mmd_rbf_of_features(ours, theirs, permutations=50, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)
    content = json.loads(json.dumps(first.as_json(), allow_nan=False))
    assert "of features" in content["definition"]
    assert content["bandwidth"] == first.bandwidth


def test_few_patients_have_no_floor():
    ours, theirs = np.random.default_rng(6).normal(size=(2, 3, 3))
    found = mmd_rbf_of_features(ours, theirs, permutations=10)
    assert found.floor_low is found.floor_high is None


def test_what_cannot_be_compared_is_refused():
    x = np.random.default_rng(7).normal(size=(4, 3))
    with pytest.raises(InputError, match="cannot be compared"):
        mmd_rbf_of_features(x, x[:, :2])
    with pytest.raises(InputError, match="1 synthetic and 4 real"):
        mmd_rbf_of_features(x[:1], x)
    with pytest.raises(InputError, match="one patient"):
        mmd_rbf_of_features(x, x, patients=["a"] * 4)
    with pytest.raises(InputError, match="the same"):
        mmd_rbf_of_features(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(InputError, match="bandwidth of 0"):
        mmd_rbf_of_features(x, x + 1, bandwidth=0)
    with pytest.raises(InputError, match="Feature vector 1"):
        mmd_rbf_of_features(x * np.nan, x)
    with pytest.raises(InputError, match="0 permutations"):
        mmd_rbf_of_features(x, x + 1, permutations=0)
