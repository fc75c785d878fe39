import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import (
    gram_matrix,
    gram_of_features,
    median_distance,
    squared_distances,
)
from napari_tumor_synth.evaluation.intervals import (
    numbered,
    percentile_interval,
    resampled_counts,
)
from napari_tumor_synth.evaluation.patient_draws import balanced_order, patient_halves
from napari_tumor_synth.evaluation.roi_sets import ChosenRois
from napari_tumor_synth.progress import Cancelled
from ssim_blobs import blob


def blobs(count, seed=0, size=20, channels=0):
    rng = np.random.default_rng(seed)
    return [
        np.stack([blob(rng, size) for _ in range(channels)]) if channels else blob(rng, size)
        for _ in range(count)
    ]


def flat(rois):
    return np.stack([roi.ravel().astype(np.float64) + 1 for roi in rois])


class Lazy:
    """Loads when asked, and remembers what was asked for."""

    def __init__(self, rois):
        self.rois, self.asked = rois, []

    def __len__(self):
        return len(self.rois)

    def __getitem__(self, index):
        self.asked.append(index)
        return self.rois[index].copy()


@pytest.mark.parametrize("channels", [0, 2])
@pytest.mark.parametrize("memory", [1, 150_000, 2_000_000_000])
def test_inner_products_are_numpys_whatever_the_memory(channels, memory):
    rois = blobs(7, channels=channels)
    expected = flat(rois) @ flat(rois).T
    assert gram_matrix(rois, memory=memory) == pytest.approx(expected, rel=1e-6)


def test_dense_volumes_and_values_outside_the_range_are_multiplied_exactly():
    rng = np.random.default_rng(1)
    rois = list(rng.uniform(-3, 3, (5, 24, 25, 26)).astype(np.float32))
    expected = flat(rois) @ flat(rois).T
    assert gram_matrix(rois) == pytest.approx(expected, rel=1e-6, abs=1e-2)


def test_rois_are_loaded_twice_when_memory_holds_them():
    rois = Lazy(blobs(6))
    gram_matrix(rois)
    assert sorted(rois.asked) == sorted([*range(6)] * 2)


def test_sets_are_joined_and_cut_without_loading():
    first, second = Lazy(blobs(3)), Lazy(blobs(2, seed=1))
    joined = ChosenRois([first, second], [4, 0])
    assert len(joined) == 2
    assert first.asked == second.asked == []
    assert np.array_equal(joined[0], second.rois[1])
    assert [*map(len, (joined[0:2], list(joined)))] == [2, 2]
    with pytest.raises(IndexError):
        joined[2]


def test_empty_rois_have_no_products():
    empty = np.full((8, 8, 8), -1, np.float32)
    assert np.array_equal(gram_matrix([empty, empty]), np.zeros((2, 2)))


def test_bad_rois_are_named():
    rois = blobs(3)
    with pytest.raises(InputError, match="no ROI"):
        gram_matrix([])
    with pytest.raises(InputError, match="ROI 2 has 19 x 20 x 20"):
        gram_matrix([rois[0], rois[1][1:]])
    with pytest.raises(InputError, match="is no ROI"):
        gram_matrix([rois[0][0]])
    rois[2][1, 2, 3] = np.inf
    with pytest.raises(InputError, match="ROI 3 holds values that are not numbers"):
        gram_matrix(rois)


def test_it_can_be_cancelled():
    def stop(progress):
        if progress.message == "comparing voxels":
            raise Cancelled

    with pytest.raises(Cancelled):
        gram_matrix(blobs(3), on_progress=stop)


def test_features_are_checked():
    with pytest.raises(InputError, match="no feature vectors"):
        gram_of_features(np.zeros(5))
    with pytest.raises(InputError, match="Feature vector 2"):
        gram_of_features(np.array([[0.0, 1], [np.nan, 2]]))


def test_distances_are_sklearns():
    rois = blobs(6)
    found = squared_distances(gram_matrix(rois))
    assert found == pytest.approx(euclidean_distances(flat(rois), squared=True), rel=1e-4)
    upper = euclidean_distances(flat(rois))[np.triu_indices(6, 1)]
    assert median_distance(found) == pytest.approx(np.median(upper), rel=1e-5)


def test_copies_do_not_pull_the_median_distance_to_zero():
    rois = blobs(3)
    gram = gram_matrix([*rois, *[rois[0]] * 20])
    positive = squared_distances(gram_matrix(rois))[np.triu_indices(3, 1)] ** 0.5
    assert positive.min() <= median_distance(squared_distances(gram)) <= positive.max()
    with pytest.raises(InputError, match="the same"):
        median_distance(squared_distances(gram_matrix([rois[0]] * 4)))


def test_halves_share_no_patient_and_use_every_roi():
    patients = np.array([0, 0, 0, 1, 2, 3, 3, 4])
    seen = set()
    for seed in range(40):
        one, other = patient_halves(patients, np.random.default_rng(seed))
        assert sorted([*one, *other]) == list(range(8))
        assert not set(patients[one]) & set(patients[other])
        assert {len(set(patients[one])), len(set(patients[other]))} == {3, 2}
        seen.add(tuple(one))
    assert len(seen) > 5


def test_patients_take_turns():
    patients = np.array([0] * 6 + [1] * 2 + [2])
    for seed in range(20):
        order = balanced_order(np.arange(9), patients, np.random.default_rng(seed))
        assert sorted(order) == list(range(9))
        assert set(patients[order[:3]]) == {0, 1, 2}
        assert set(patients[order[3:5]]) == {0, 1}
        assert set(patients[order[5:]]) == {0}
    some = balanced_order(np.array([0, 6, 7]), patients, np.random.default_rng(0))
    assert sorted(some) == [0, 6, 7]
    firsts = [
        balanced_order(np.arange(9), patients, np.random.default_rng(seed))[0]
        for seed in range(300)
    ]
    assert set(firsts) == set(range(9))


def test_patients_are_drawn_with_all_their_rois():
    counts = resampled_counts(numbered(["b", "a", "b"], 3), np.random.default_rng(0), 500)
    assert np.array_equal(counts[:, 0], counts[:, 2])
    assert np.array_equal(counts[:, 0] + counts[:, 1], np.full(500, 2))
    assert counts.mean(axis=0) == pytest.approx(np.ones(3), abs=0.1)
    assert percentile_interval(np.arange(1001)) == pytest.approx((25, 975))
    with pytest.raises(InputError, match="2 patients are named for 3"):
        numbered(["a", "b"], 3)
