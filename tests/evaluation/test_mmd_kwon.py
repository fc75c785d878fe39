import json
from functools import partial

import numpy as np
import pytest

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_matrix
from napari_tumor_synth.evaluation.intervals import resampled_counts
from napari_tumor_synth.evaluation.mmd_kwon import mmd_kwon, mmd_kwon_of_gram
from ssim_blobs import blob


def blobs(count, seed, size=14):
    rng = np.random.default_rng(seed)
    return [blob(rng, size) for _ in range(count)]


def published_value(ours, theirs):
    """Return one batch's value by the formula of the paper."""
    g, r = (np.stack([roi.ravel().astype(np.float64) for roi in rois]) for rois in (ours, theirs))
    return (np.sum(g @ g.T) + np.sum(r @ r.T) - 2 * np.sum(g @ r.T)) / len(g) ** 2


def test_one_batch_of_everything_is_the_published_formula():
    ours, theirs = blobs(5, 0), blobs(5, 1)
    found = mmd_kwon(ours, theirs, batch=5, tests=3)
    assert found.value == pytest.approx(published_value(ours, theirs), rel=1e-6)
    assert found.test_sd == pytest.approx(0, abs=1e-6)
    assert (found.drawn, found.synthetic, found.real, found.patients) == (5, 5, 5, 5)


def test_batches_of_one_are_the_mean_squared_distance():
    ours, theirs = blobs(2, 0), blobs(2, 1)
    found = mmd_kwon(ours, theirs, batch=1, tests=2000)
    distances = [published_value([one], [other]) for one in ours for other in theirs]
    assert found.value == pytest.approx(np.mean(distances), rel=0.02)


def test_a_smaller_last_batch_counts_with_its_own_size():
    theirs = blobs(4, 1)
    found = mmd_kwon([theirs[0]] * 4, theirs, batch=3, tests=4000)
    values = []
    for last in range(4):
        batch = [roi for number, roi in enumerate(theirs) if number != last]
        values.append(published_value([theirs[0]] * 3, batch))
        values.append(published_value([theirs[0]], [theirs[last]]))
    assert found.value == pytest.approx(np.mean(values), rel=0.02)


def test_the_terms_add_up_to_what_is_expected():
    ours, theirs = blobs(20, 0), blobs(20, 1)
    g, r = (np.stack([roi.ravel().astype(np.float64) for roi in rois]) for rois in (ours, theirs))
    spreads = g.var(axis=0, ddof=1).sum() + r.var(axis=0, ddof=1).sum()
    for batch in (2, 5, 10):
        found = mmd_kwon(ours, theirs, batch=batch, tests=400)
        assert found.variance_term == pytest.approx(spreads / batch, rel=1e-5)
        distance = np.square(g.mean(0) - r.mean(0)).sum() - spreads / 20
        assert found.distance_of_means == pytest.approx(distance, rel=1e-3)
        total = found.distance_of_means + found.variance_term
        assert found.value == pytest.approx(total, rel=0.02)
        assert found.low < found.value < found.high


def test_it_rewards_collapse_on_the_users_own_data():
    real, good = blobs(40, 1), blobs(40, 2)
    honest = mmd_kwon(good, real)
    mean = np.mean(real, axis=0)
    collapsed = mmd_kwon([mean] * 40, real)
    assert honest.collapsed == pytest.approx(collapsed.value, rel=0.05)
    assert honest.collapsed < 0.7 * honest.value
    assert honest.collapsed < honest.floor_low
    assert honest.floor_low < honest.value < honest.floor_high * 1.1
    assert "lower is not better" in honest.reading
    assert f"{honest.collapsed:.4g}" in honest.reading


def test_the_floor_is_between_other_patients():
    rng = np.random.default_rng(0)
    real, patients = [], []
    for patient, roi in enumerate(blobs(2, 3)):
        for _ in range(6):  # nearly equal ROIs
            inside = np.clip(roi + rng.normal(0, 0.01, roi.shape), -0.99, 1)
            real.append(np.where(roi > -1, inside, -1).astype(np.float32))
            patients.append(f"patient {patient}")
    knowing = mmd_kwon(blobs(12, 4), real, patients=patients)
    unknowing = mmd_kwon(blobs(12, 4), real)
    assert knowing.patients == 2
    assert knowing.floor == pytest.approx(published_value(real[:1], real[6:7]), rel=0.02)
    assert unknowing.floor < 0.6 * knowing.floor


def test_without_a_full_batch_in_each_half_there_is_no_floor():
    found = mmd_kwon(blobs(5, 0), blobs(5, 1), batch=3)
    assert found.floor is found.floor_low is found.floor_high is None
    with pytest.raises(InputError, match="of one patient"):
        mmd_kwon(blobs(5, 0), blobs(5, 1), batch=2, patients=["a"] * 5)
    two = mmd_kwon(blobs(5, 0), blobs(5, 1), batch=2, patients=["a", "a", "a", "b", "b"])
    assert two.low is two.high is None
    json.dumps(found.as_json(), allow_nan=False)


def test_the_interval_covers_the_expectation_about_as_often_as_it_says(monkeypatch):
    few = partial(resampled_counts, resamples=300)
    monkeypatch.setattr("napari_tumor_synth.evaluation.mmd_kwon.resampled_counts", few)
    rng = np.random.default_rng(5)
    covered = 0
    truth = 2 * 6 / 3 + 6 * 0.25  # variance 1 in 6 dimensions, twice, B = 3; means 0.5 apart
    for seed in range(120):
        g, r = rng.normal(0.5, 1, (30, 6)), rng.normal(0, 1, (30, 6))
        both = np.concatenate([g, r])
        found = mmd_kwon_of_gram(both @ both.T, 30, tests=1, seed=seed)
        covered += found.low <= truth <= found.high
    assert 0.86 <= covered / 120 <= 1


def test_the_seed_decides():
    gram = gram_matrix([*blobs(8, 0), *blobs(8, 1)])
    first, again, other = (mmd_kwon_of_gram(gram, 8, tests=5, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first.value != other.value


def test_more_synthetic_than_real_ones_are_drawn_from():
    found = mmd_kwon(blobs(9, 0), blobs(4, 1), batch=2, tests=10)
    assert (found.drawn, found.synthetic, found.real) == (4, 9, 4)
    content = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert "batches of 2" in content["definition"]


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (1, 5, {}),
        (5, 1, {}),
        (2, 5, {"batch": 3}),
        (5, 5, {"batch": 0}),
        (5, 5, {"tests": 0}),
    ],
)
def test_sets_that_fill_no_batch_are_refused(ours, theirs, options):
    with pytest.raises(InputError, match="cannot be made"):
        mmd_kwon(blobs(ours, 0), blobs(theirs, 1), **options)


def test_other_grids_are_refused():
    with pytest.raises(InputError, match="ROI 4 has"):
        mmd_kwon(blobs(3, 0), blobs(3, 1, size=16))
