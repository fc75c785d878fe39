import numpy as np
import pytest
import torch
from monai.metrics.regression import MultiScaleSSIMMetric
from scipy.ndimage import correlate1d, gaussian_filter
from skimage.measure import block_reduce

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ms_ssim import (
    PRESETS,
    MsSsimSettings,
    compare_ms_ssim,
    ms_ssim,
    prepare_ms_ssim,
    settings_for,
)
from ssim_blobs import blob, tumour

WANG = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
KWON, K7 = PRESETS["kwon2019"], PRESETS["wang2003-k7"]


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


def score(x, y, settings):
    return compare_ms_ssim(prepare_ms_ssim(x, settings), prepare_ms_ssim(y, settings))


def maps(x, y, local, c1, c2):
    mx, my = local(x), local(y)
    structure = (2 * (local(x * y) - mx * my) + c2) / (
        local(x * x) - mx * mx + local(y * y) - my * my + c2
    )
    return (2 * mx * my + c1) / (mx * mx + my * my + c1), structure


def kwon_by_hand(x, y, foreground=False):
    """Return what the published code computes, in float64: constants of L = 1 on [-1, 1].

    A negative mean counts as 0, where that code has NaN.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    both, structures = (x > -1) | (y > -1), []
    for level in range(5):
        luminance, structure = maps(x, y, lambda v: gaussian_filter(v, 1.5), 0.01**2, 0.03**2)
        where = both if foreground else np.ones_like(both)
        structures.append(structure[where].mean())
        last = (luminance * structure)[where].mean()
        if level < 4:
            # avg_pool3d leaves an odd voxel out; block_reduce would pad it
            even = tuple(slice(size // 2 * 2) for size in x.shape)
            x, y = (block_reduce(v[even], 2, np.mean) for v in (x, y))
            both = block_reduce(both[even], 2, np.max)
    structures, last = np.maximum(structures[:4], 0), max(last, 0)
    return np.prod(structures ** WANG[:4] * last ** WANG[4])


@pytest.mark.parametrize("size", [48, 64, 70])
def test_kwon2019_is_what_the_published_code_computes(size):
    rng = np.random.default_rng(size)
    for x, y in ((blob(rng, size), blob(rng, size)), tumours(2, size)):
        found = score(x, y, KWON)
        assert found.whole == pytest.approx(kwon_by_hand(x, y), abs=1e-9)
        assert found.foreground == pytest.approx(kwon_by_hand(x, y, foreground=True), abs=1e-9)
        assert 0 <= found.foreground < found.whole < 0.99
    assert found.foreground > 0.1


def test_kwon2019_counts_the_last_level_four_times():
    x, y = tumours(2, 32)
    right = MsSsimSettings(
        levels=5, window=13, exponents="published", borders="mirrored", intensities="-1 to 1"
    )
    assert ms_ssim(x, y, KWON) < ms_ssim(x, y, right)
    assert KWON.weights == pytest.approx((*WANG[:4], 4 * WANG[4]))


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_wang2003_k7_is_monais_at_128(sigma):
    rng = np.random.default_rng(3)
    x, y = tumour(rng, 128, sigma), tumour(rng, 128, sigma)
    halves = [torch.from_numpy(v / 2 + 0.5)[None, None] for v in (x, y)]
    theirs = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_size=7)(*halves).item()
    settings = settings_for("wang2003-k7", x.shape)
    assert settings.levels == 5
    assert ms_ssim(x, y, settings) == pytest.approx(theirs, abs=1e-6)


def test_wang2003_k7_takes_four_levels_of_64_and_says_so():
    x, y = tumours(2, 64, seed=1)
    settings = settings_for("wang2003-k7", x.shape)
    weights = WANG[:4] / WANG[:4].sum()
    assert settings.weights == pytest.approx(weights)
    assert "4 levels" in str(settings)
    metric = MultiScaleSSIMMetric(spatial_dims=3, data_range=1.0, kernel_size=7, weights=weights)
    halves = [torch.from_numpy(v / 2 + 0.5)[None, None] for v in (x, y)]
    assert ms_ssim(x, y, settings) == pytest.approx(metric(*halves).item(), abs=1e-6)


def test_presets_fit_the_sizes_that_the_project_uses():
    for name in PRESETS:
        for size in (64, 128):
            assert settings_for(name, (1, size, size, size)).least_size <= size
    with pytest.raises(InputError, match="at least 112"):
        settings_for("wang2003-k7", (55, 64, 64))
    with pytest.raises(InputError, match="kwon2019, wang2003-k7"):
        settings_for("wang", (64, 64, 64))


def foreground_by_hand(x, y, settings):
    """Return the figure of voxels that either volume fills, masks reduced by any voxel."""
    both = (x > -1) | (y > -1)
    x, y = (np.asarray(v, np.float64) / 2 + 0.5 for v in (x, y))
    result = 1.0

    def local(v):
        for axis in range(3):
            v = correlate1d(v, settings.taps, axis)  # mirrored
        return v

    for level, weight in enumerate(settings.weights, start=1):
        luminance, structure = maps(x, y, local, 0.01**2, 0.03**2)
        index = luminance * structure if level == settings.levels else structure
        result *= index[both].mean() ** weight
        x, y = block_reduce(x, 2, np.mean), block_reduce(y, 2, np.mean)
        both = block_reduce(both, 2, np.max)
    return result


@pytest.mark.parametrize("settings", [MsSsimSettings(3, 11), MsSsimSettings(4, 7), K7])
def test_the_foreground_is_that_of_either_volume_at_each_level(settings):
    rng = np.random.default_rng(7)
    size = 112 if settings.levels == 5 else 56
    for _ in range(2):
        x, y = blob(rng, size), blob(rng, size)
        found = score(x, y, settings).foreground
        assert found == pytest.approx(foreground_by_hand(x, y, settings), abs=1e-9)


def test_tumours_at_the_border_apart_or_of_one_voxel_are_compared_exactly():
    size, settings = 24, MsSsimSettings(2, 7)
    one, other = (np.full((size,) * 3, -1, np.float32) for _ in range(2))
    one[0, 0, :4] = 0.5
    other[-1, -1, -1] = 1
    found = score(one, other, settings)
    assert found.whole == pytest.approx(dense(one, other, settings), abs=1e-12)
    assert found.foreground == pytest.approx(foreground_by_hand(one, other, settings), abs=1e-12)


def dense(x, y, settings):
    """Return the whole figure without any shortcut for background."""
    x, y = (np.asarray(v, np.float64) / 2 + 0.5 for v in (x, y))
    inner, result = slice(settings.reach, -settings.reach), 1.0

    def local(v):
        for axis in range(3):
            v = correlate1d(v, settings.taps, axis)
        return v[inner, inner, inner]

    for level, weight in enumerate(settings.weights, start=1):
        luminance, structure = maps(x, y, local, 0.01**2, 0.03**2)
        mean = (luminance * structure if level == settings.levels else structure).mean()
        result *= max(mean, 0) ** weight
        even = tuple(slice(size // 2 * 2) for size in x.shape)
        x, y = (block_reduce(v[even], 2, np.mean) for v in (x, y))
    return result


@pytest.mark.parametrize("seed", range(6))
def test_background_changes_no_figure(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(22, 40, 3)
    settings = MsSsimSettings(2, int(rng.choice([5, 7, 11])), float(rng.uniform(0.8, 2)))
    x, y = (np.full(shape, -1, np.float32) for _ in range(2))
    for volume in (x, y):
        low = rng.integers(0, shape - 3)
        high = np.minimum(low + rng.integers(2, 16, 3), shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        volume[box] = rng.uniform(-1, 1, volume[box].shape)
    assert ms_ssim(x, y, settings) == pytest.approx(dense(x, y, settings), abs=1e-11)


def test_volumes_without_tumour_are_alike_and_unlike_any_other():
    empty, x = np.full((24,) * 3, -1, np.float32), tumours(1, 24)[0]
    for settings in (MsSsimSettings(2, 7), KWON):
        both, one = score(empty, empty, settings), score(empty, x, settings)
        assert (both.whole, both.foreground) == pytest.approx((1, 1))
        assert max(one.foreground, one.whole) < 0.99
    grey = np.full((24,) * 3, 0.5, np.float32)
    assert score(grey, grey, KWON).whole == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused(bad):
    x, y = tumours(2, 24)
    x[3, 4, 5] = bad
    with pytest.raises(InputError, match="not numbers"):
        ms_ssim(x, y, MsSsimSettings(2, 7))


def test_volumes_prepared_differently_are_refused():
    x, y = tumours(2, 24)
    with pytest.raises(InputError, match="different figures"):
        compare_ms_ssim(prepare_ms_ssim(x, KWON), prepare_ms_ssim(y, MsSsimSettings(2, 7)))
    with pytest.raises(InputError, match="no ROI"):
        prepare_ms_ssim(x[0], KWON)
    with pytest.raises(InputError, match="odd window"):
        MsSsimSettings(window=4)
