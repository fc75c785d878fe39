import json

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.daef import daef, measure_daef, tumour_region
from ssim_blobs import blob


def test_it_is_the_distance_of_the_centroids():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(7, 5)), rng.normal(1, 1, (9, 5))
    classes = NearestCentroid().fit(np.concatenate([ours, theirs]), [0] * 7 + [1] * 9)
    expected = np.linalg.norm(classes.centroids_[0] - classes.centroids_[1])
    assert daef(ours, theirs) == pytest.approx(expected)
    assert measure_daef(ours, theirs).value == pytest.approx(expected)
    assert daef(np.array([[0.0, 0]]), np.array([[3.0, 4]])) == 5


def test_a_perfect_generator_reaches_the_floor_which_is_not_zero():
    rng = np.random.default_rng(1)
    found = measure_daef(rng.normal(size=(40, 10)), rng.normal(size=(40, 10)))
    assert found.drawn == 20
    assert found.floor == pytest.approx(1, abs=0.2)  # sqrt(10 * 2 / 20)
    assert found.floor_low < found.matched < found.floor_high
    far = measure_daef(rng.normal(3, 1, (40, 10)), rng.normal(size=(40, 10)))
    assert far.matched_low > far.floor_high
    assert far.low < far.value < far.high


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_the_interval_holds_the_expected_distance_about_as_often_as_it_says(gap):
    def draw():
        return rng.normal(gap, 1, (15, 12)), rng.normal(size=(15, 12))

    rng = np.random.default_rng(8)
    expected = np.mean([daef(*draw()) for _ in range(2000)])
    measured = [measure_daef(*draw(), splits=1, seed=seed) for seed in range(150)]
    covered = np.mean([found.low <= expected <= found.high for found in measured])
    assert 0.9 <= covered <= 1
    assert all(found.low <= found.value <= found.high for found in measured)


def test_pairs_are_drawn_together():
    rng = np.random.default_rng(2)
    theirs = rng.normal(0, 5, (30, 4))
    ours = theirs + rng.normal(1, 0.1, (30, 4))
    together, apart = (measure_daef(ours, theirs, paired=paired) for paired in (True, False))
    assert together.value == apart.value
    assert together.high - together.low < 0.1 * (apart.high - apart.low)
    assert together.low < 2 < together.high


def test_patients_are_drawn_with_all_their_rois():
    rng = np.random.default_rng(3)
    theirs = np.repeat(rng.normal(size=(6, 4)), 10, axis=0)
    ours = rng.normal(size=(60, 4))
    names = [str(number // 10) for number in range(60)]
    knowing, unknowing = (measure_daef(ours, theirs, patients=p) for p in (names, None))
    assert knowing.patients == 6
    assert knowing.high - knowing.low > 1.3 * (unknowing.high - unknowing.low)
    assert knowing.floor > 1.5 * unknowing.floor


def test_the_seed_decides_and_json_holds_all():
    ours, theirs = np.random.default_rng(4).normal(size=(2, 8, 3))
    first, again, other = (measure_daef(ours, theirs, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    content = json.loads(json.dumps(first.as_json(), allow_nan=False))
    assert "4 ROIs each" in content["definition"]


def test_the_tumour_region_is_background_elsewhere():
    image = np.stack([blob(np.random.default_rng(5), 12)] * 2) * 0.5
    mask = np.zeros((12, 12, 12), bool)
    mask[4:7, 4:7, 4:7] = True
    cut = tumour_region(image, mask)
    assert np.array_equal(cut[:, mask], image[:, mask])
    assert (cut[:, ~mask] == -1).all()
    with pytest.raises(InputError, match="mask is empty"):
        tumour_region(image, np.zeros_like(mask))
    with pytest.raises(InputError, match="differ in shape"):
        tumour_region(image, mask[1:])


def test_what_cannot_be_compared_is_refused():
    x = np.random.default_rng(6).normal(size=(4, 3))
    with pytest.raises(InputError, match="3 and 2 features"):
        daef(x, x[:, :2])
    with pytest.raises(InputError, match="Feature vector 1"):
        daef(x * np.inf, x)
    with pytest.raises(InputError, match="1 synthetic and 4 real"):
        measure_daef(x[:1], x)
    with pytest.raises(InputError, match="of 1 patients"):
        measure_daef(x, x, patients=["a"] * 4)
    with pytest.raises(InputError, match="no pairs"):
        measure_daef(x[:3], x, paired=True)
