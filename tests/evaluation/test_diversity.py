import json
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.measure import block_reduce

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.diversity import draw_pairs, measure_diversity
from napari_tumor_synth.evaluation.ms_ssim import MsSsimSettings, ms_ssim
from napari_tumor_synth.progress import Cancelled

SMALL = MsSsimSettings(levels=2, window=5)


def tumours(count, size, seed=0):
    """Return smooth random textures inside a ball, which resemble each other."""
    rng = np.random.default_rng(seed)
    ball = sum((i - size / 2) ** 2 for i in np.indices((size,) * 3)) < (size / 3) ** 2
    textures = gaussian_filter(rng.standard_normal((count, size, size, size)), (0, 2, 2, 2))
    return np.where(ball, np.clip(4 * textures, -0.9, 1), -1).astype(np.float32)


def ms_ssim_by_hand(x, y, levels):
    x, y = (np.asarray(v, np.float64) / 2 + 0.5 for v in (x, y))
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:levels])
    result = 1.0
    for level, weight in enumerate(weights / weights.sum()):
        # 11 taps: a radius of 5 = 1.5 * 3.5 rounded down
        def local(v):
            return gaussian_filter(v, 1.5, truncate=3.5)[5:-5, 5:-5, 5:-5]

        mx, my = local(x), local(y)
        cs = (2 * (local(x * y) - mx * my) + 0.03**2) / (
            local(x * x) - mx**2 + local(y * y) - my**2 + 0.03**2
        )
        lum = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        result *= (cs if level < levels - 1 else lum * cs).mean() ** weight
        x, y = block_reduce(x, 2, np.mean), block_reduce(y, 2, np.mean)
    return result


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_ms_ssim_agrees_with_scipy_and_the_formula(levels):
    x, y = tumours(2, 48)
    expected = ms_ssim_by_hand(x, y, levels)
    assert ms_ssim(x, y, MsSsimSettings(levels)) == pytest.approx(expected, abs=1e-10)
    assert 0 < expected < 0.99


def test_ms_ssim_agrees_with_monai():
    from monai.metrics.regression import MultiScaleSSIMMetric

    x, y = tumours(2, 64, seed=1)
    settings = MsSsimSettings()
    metric = MultiScaleSSIMMetric(
        spatial_dims=3, data_range=1.0, kernel_size=11, kernel_sigma=1.5, weights=settings.weights
    )
    halves = [torch.from_numpy(v / 2 + 0.5)[None, None] for v in (x, y)]
    assert ms_ssim(x, y, settings) == pytest.approx(metric(*halves).item(), abs=1e-5)


def test_ms_ssim_is_one_for_equal_volumes_symmetric_and_falls_with_noise():
    x, y = tumours(2, 44)
    settings = MsSsimSettings()
    noise = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
    assert ms_ssim(x, x, settings) == pytest.approx(1, abs=1e-12)
    assert ms_ssim(x, y, settings) == pytest.approx(ms_ssim(y, x, settings), abs=1e-12)
    values = [ms_ssim(x + level * noise, x, settings) for level in (0.0, 0.1, 0.4)]
    assert values == sorted(values, reverse=True)


def test_ms_ssim_of_opposite_structure_is_zero_not_complex():
    x = np.indices((22, 22, 22)).sum(0) % 2 * 2.0 - 1
    assert ms_ssim(x, -x, MsSsimSettings(levels=2)) == 0.0


def test_channels_are_averaged_and_odd_sizes_allowed():
    x, y, z = tumours(3, 23)
    settings = MsSsimSettings(levels=2)
    expected = (ms_ssim(x, y, settings) + ms_ssim(z, y, settings)) / 2
    both = ms_ssim(np.stack([x, z]), np.stack([y, y]), settings)
    assert both == pytest.approx(expected, abs=1e-12)


def test_weights_add_up_to_one_whatever_the_levels():
    for levels in range(1, 6):
        assert sum(MsSsimSettings(levels).weights) == pytest.approx(1)
    five = MsSsimSettings(5).weights
    assert five == pytest.approx((0.0448, 0.2856, 0.3001, 0.2363, 0.1333), abs=1e-4)


@pytest.mark.parametrize("levels", [0, 6])
def test_impossible_levels_are_refused(levels):
    with pytest.raises(InputError, match="levels"):
        MsSsimSettings(levels)


def test_volumes_too_small_or_unlike_are_refused():
    with pytest.raises(InputError, match="at least 44"):
        ms_ssim(np.zeros((43, 64, 64)), np.zeros((43, 64, 64)), MsSsimSettings())
    with pytest.raises(InputError, match="equal shapes"):
        ms_ssim(np.zeros((64, 64, 64)), np.zeros((64, 64, 65)), MsSsimSettings())


def test_diversity_of_all_pairs_is_their_mean():
    rois = tumours(4, 12)
    measured = measure_diversity(rois, settings=SMALL)
    values = [ms_ssim(rois[i], rois[j], SMALL) for i in range(4) for j in range(i)]
    assert measured.ms_ssim == pytest.approx(np.mean(values))
    assert (measured.pairs, measured.rois) == (6, 4)
    assert measured.low <= measured.ms_ssim <= measured.high
    content = json.loads(json.dumps(measured.as_json(), allow_nan=False))
    assert content["settings"] == {"levels": 2, "window": 5, "sigma": 1.5}


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


def test_the_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch):
    # Each "ROI" is a number; two of them are as similar as the mean of their numbers.
    monkeypatch.setattr(
        "napari_tumor_synth.evaluation.diversity.ms_ssim", lambda x, y, _: float(x + y) / 2
    )
    monkeypatch.setattr("napari_tumor_synth.evaluation.diversity._BOOTSTRAPS", 200)
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
    assert steps == [(1, 6), (2, 6)]


@pytest.mark.parametrize(("count", "pairs"), [(1, 10), (0, 10), (3, 0)])
def test_too_few_rois_or_pairs_are_refused(count, pairs):
    with pytest.raises(InputError, match="pairs"):
        measure_diversity(tumours(count, 12), pairs=pairs, settings=SMALL)
