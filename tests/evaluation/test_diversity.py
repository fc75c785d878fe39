import json
import math
import weakref
from itertools import combinations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.diversity import measure_diversity
from napari_tumor_synth.evaluation.diversity_compared import compare_diversity_by_class
from napari_tumor_synth.evaluation.ms_ssim import (
    MsSsimSettings,
    compare_ms_ssim,
    ms_ssim,
    prepare_ms_ssim,
)
from napari_tumor_synth.evaluation.ms_ssim_pairs import score_pairs
from napari_tumor_synth.evaluation.random_pairs import draw_pairs
from napari_tumor_synth.progress import Cancelled

SMALL = MsSsimSettings(levels=2, window=5)


def tumours(count, size, seed=0):
    """Return smooth random textures inside a ball, which resemble each other."""
    rng = np.random.default_rng(seed)
    ball = sum((i - size / 2) ** 2 for i in np.indices((size,) * 3)) < (size / 3) ** 2
    textures = gaussian_filter(rng.standard_normal((count, size, size, size)), (0, 2, 2, 2))
    return np.where(ball, np.clip(4 * textures, -0.9, 1), -1).astype(np.float32)


def test_diversity_of_all_pairs_is_their_mean():
    rois = tumours(4, 12)
    measured = measure_diversity(rois, settings=SMALL)
    values = [ms_ssim(rois[i], rois[j], SMALL) for i in range(4) for j in range(i)]
    assert measured.ms_ssim == pytest.approx(np.mean(values))
    assert (measured.pairs, measured.rois) == (6, 4)
    assert measured.low <= measured.ms_ssim <= measured.high
    content = json.loads(json.dumps(measured.as_json(), allow_nan=False))
    assert content["settings"]["levels"] == 2
    assert content["settings"]["window"] == 5
    assert content["definition"] == str(SMALL)
    assert "2 levels" in content["definition"]


def test_a_set_of_copies_is_told_from_a_diverse_set():
    rois = tumours(6, 12)
    copies = [rois[0]] * 6
    same, different = (measure_diversity(r, settings=SMALL) for r in (copies, rois))
    assert same.ms_ssim == same.low == same.high == pytest.approx(1)
    assert different.high < same.low


def test_the_seed_decides_pairs_and_interval():
    rois = tumours(8, 12)
    first, again, other = (
        measure_diversity(rois, pairs=10, seed=seed, settings=SMALL) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.ms_ssim != other.ms_ssim
    assert first.pairs == 10


def test_pairs_are_different_unordered_and_uniform():
    hits = np.zeros((6, 6), int)
    for seed in range(600):
        pairs = draw_pairs(6, 5, np.random.default_rng(seed))
        assert len({tuple(pair) for pair in pairs}) == 5
        assert (pairs[:, 0] < pairs[:, 1]).all()
        np.add.at(hits, tuple(pairs.T), 1)
    counts = hits[np.triu_indices(6, 1)]
    assert counts.sum() == 3000
    assert abs(counts - 200).max() < 4 * math.sqrt(200)
    assert len(draw_pairs(6, 100, np.random.default_rng(0))) == 15


def test_pairs_of_one_patient_are_never_drawn():
    patients = np.array([0, 0, 1, 1, 1, 2])
    allowed = [p for p in combinations(range(6), 2) if patients[p[0]] != patients[p[1]]]
    every = draw_pairs(6, 100, np.random.default_rng(0), patients)
    assert [tuple(pair) for pair in every.tolist()] == allowed
    hits = dict.fromkeys(allowed, 0)
    for seed in range(600):
        for pair in draw_pairs(6, 5, np.random.default_rng(seed), patients).tolist():
            hits[tuple(pair)] += 1
    assert abs(np.array(list(hits.values())) - 3000 / len(allowed)).max() < 4 * math.sqrt(272)


def test_pairs_of_thousands_take_no_list_of_all():
    patients = np.arange(20_000) // 2
    pairs = draw_pairs(20_000, 1000, np.random.default_rng(0), patients)
    assert len({tuple(pair) for pair in pairs.tolist()}) == 1000
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert (patients[pairs[:, 0]] != patients[pairs[:, 1]]).all()
    assert (np.diff(pairs[:, 0]) >= 0).all()
    assert pairs.mean(axis=0) == pytest.approx([20_000 / 3, 40_000 / 3], rel=0.1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch):
    # Each "ROI" is a number; two of them are as similar as the mean of their numbers.
    def score(rois, pairs, settings, **_):
        return np.repeat(rois[pairs].mean(axis=1)[:, None], 2, axis=1)

    monkeypatch.setattr("napari_tumor_synth.evaluation.diversity.score_pairs", score)
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        measured = measure_diversity(rng.normal(0.8, 0.05, 30), pairs=200, seed=seed)
        covered += measured.low <= 0.8 <= measured.high
    assert 0.88 <= covered / 200 <= 0.99


def test_progress_is_reported_and_can_cancel():
    steps = []

    def listen(progress):
        steps.append((progress.step, progress.total))
        if progress.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        measure_diversity(tumours(4, 12), settings=SMALL, on_progress=listen)
    assert steps == [(1, 10), (2, 10)]  # 4 ROIs prepared, 6 pairs compared


@pytest.mark.parametrize(("count", "pairs"), [(1, 10), (0, 10), (3, 0)])
def test_too_few_rois_or_pairs_are_refused(count, pairs):
    with pytest.raises(InputError, match="pairs"):
        measure_diversity(tumours(count, 12), pairs=pairs, settings=SMALL)


def test_the_foreground_shows_what_the_common_background_hides():
    rois = np.pad(tumours(5, 16), ((0, 0), *[(8, 8)] * 3), constant_values=-1)
    measured = measure_diversity(rois, settings=SMALL)
    scores = [
        compare_ms_ssim(prepare_ms_ssim(rois[i], SMALL), prepare_ms_ssim(rois[j], SMALL)).foreground
        for i in range(5)
        for j in range(i)
    ]
    assert measured.foreground == pytest.approx(np.mean(scores))
    assert measured.foreground_low <= measured.foreground <= measured.foreground_high
    assert measured.foreground < measured.ms_ssim - 0.02


def test_neither_threads_nor_memory_change_a_figure():
    rois = tumours(7, 12)
    pairs = draw_pairs(7, 12, np.random.default_rng(0))
    asked = []

    class Lazy(list):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    scores = score_pairs(Lazy(rois), pairs, SMALL, threads=1)
    assert all(asked.count(index) <= 2 for index in range(7))  # once to see how large it is
    for threads, memory in ((3, 2_000_000_000), (2, 1), (1, 400_000)):
        again = score_pairs(rois, pairs, SMALL, threads=threads, memory=memory)
        assert np.array_equal(again, scores)


def test_little_memory_holds_few_rois(monkeypatch):
    import napari_tumor_synth.evaluation.ms_ssim_pairs as module

    held, most = weakref.WeakSet(), []
    prepare = module.prepare_ms_ssim

    def follow(image, settings):
        roi = prepare(image, settings)
        held.add(roi)
        most.append(len(held))
        return roi

    monkeypatch.setattr(module, "prepare_ms_ssim", follow)
    rois, everything = tumours(8, 12), draw_pairs(8, 100, np.random.default_rng(0))
    score_pairs(rois, everything, SMALL, threads=1, memory=1)
    assert max(most) <= 4
    assert len(most) > 8


def test_pairs_of_one_patient_are_left_out():
    rois = tumours(4, 12)
    twice = [rois[0], rois[0], rois[1], rois[2], rois[3]]
    patients = ["a", "a", "b", "c", "d"]
    measured = measure_diversity(twice, settings=SMALL, patients=patients)
    assert (measured.pairs, measured.rois, measured.patients) == (9, 5, 4)
    assert measured.ms_ssim < measure_diversity(twice, settings=SMALL).ms_ssim
    with pytest.raises(InputError, match="one patient"):
        measure_diversity(rois, settings=SMALL, patients=["a"] * 4)
    with pytest.raises(InputError, match="3 patients are named for 4"):
        measure_diversity(rois, settings=SMALL, patients=["a", "b", "c"])


def test_a_bad_roi_is_named():
    rois = list(tumours(3, 12))
    rois[1] = rois[1].copy()
    rois[1][0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"ROI 2 of the set: .* not numbers"):
        measure_diversity(rois, settings=SMALL)
    rois[1] = tumours(1, 14)[0]
    with pytest.raises(InputError, match="cannot be compared"):
        measure_diversity(rois, settings=SMALL)


def test_a_collapsed_class_is_told_from_real_ones_and_a_good_one_is_not():
    real, good = tumours(8, 12), tumours(8, 12, seed=5)
    collapsed = [real[0]] * 6
    rois, classes = [*good, *collapsed], ["HGG"] * 8 + ["LGG"] * 6
    found = compare_diversity_by_class(
        rois, classes, [*real, *real], ["HGG"] * 8 + ["LGG"] * 8, settings=SMALL
    )
    assert list(found) == ["HGG", "LGG"]
    assert found["HGG"].low < 0 < found["HGG"].high
    assert found["LGG"].low > 0
    assert found["LGG"].foreground_low > 0
    one = found["LGG"]
    assert one.difference == pytest.approx(one.synthetic.ms_ssim - one.real.ms_ssim)
    assert one.synthetic.foreground == pytest.approx(1)
    assert one.real == measure_diversity(real, settings=SMALL)
    json.dumps(one.as_json(), allow_nan=False)


def test_classes_without_two_rois_or_without_names_are_refused():
    rois = tumours(3, 12)
    with pytest.raises(InputError, match="LGG has 1 synthetic and 0 real"):
        compare_diversity_by_class(rois, ["HGG", "HGG", "LGG"], rois, ["HGG"] * 3, settings=SMALL)
    with pytest.raises(InputError, match="2 classes are named for 3 real"):
        compare_diversity_by_class(rois, ["HGG"] * 3, rois, ["HGG"] * 2, settings=SMALL)
