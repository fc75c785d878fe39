import json
import math

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.fidelity import Fidelity, measure_fidelity, psnr_db, ssim_3d


@pytest.fixture
def rois():
    """Return two overlapping tumours of different texture on the background."""
    rng = np.random.default_rng(0)
    s, a, r = np.indices((20, 22, 24))
    first = (s - 9) ** 2 + (a - 11) ** 2 + (r - 11) ** 2 < 40
    second = (s - 11) ** 2 + (a - 11) ** 2 + (r - 13) ** 2 < 30
    images = [
        np.where(mask, rng.uniform(-0.9, 1, mask.shape), -1).astype(np.float32)
        for mask in (first, second)
    ]
    return *images, first, second


def ssim_map_by_hand(x, y):
    x, y = (x.astype(np.float64) + 1) / 2, (y.astype(np.float64) + 1) / 2
    n = 7**3
    mean_x, mean_y = uniform_filter(x, 7), uniform_filter(y, 7)
    sample = n / (n - 1)
    var_x = sample * (uniform_filter(x * x, 7) - mean_x**2)
    var_y = sample * (uniform_filter(y * y, 7) - mean_y**2)
    cov = sample * (uniform_filter(x * y, 7) - mean_x * mean_y)
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * cov + c2) / (var_x + var_y + c2)


def test_figures_agree_with_skimage_and_with_the_formula(rois):
    x, y, mask_x, mask_y = rois
    union = mask_x | mask_y
    fidelity = measure_fidelity(x, y, mask_x, mask_y)
    assert fidelity.psnr_db == pytest.approx(peak_signal_noise_ratio(y, x, data_range=2))
    assert fidelity.foreground_psnr_db == pytest.approx(
        peak_signal_noise_ratio(y[union], x[union], data_range=2)
    )
    assert fidelity.ssim == pytest.approx(
        structural_similarity((x.astype(float) + 1) / 2, (y.astype(float) + 1) / 2, data_range=1),
        abs=1e-12,
    )
    local = ssim_map_by_hand(x, y)
    assert fidelity.ssim == pytest.approx(local[3:-3, 3:-3, 3:-3].mean(), abs=1e-12)
    assert fidelity.foreground_ssim == pytest.approx(local[union].mean(), abs=1e-12)


def test_nearly_equal_greys_are_similar_wherever_the_middle_of_the_scale_lies():
    grey = np.full((9, 9, 9), 0.04, dtype=np.float32)
    everywhere = np.ones(grey.shape, dtype=bool)
    assert min(ssim_3d(grey, -grey, everywhere)) > 0.99


def test_the_background_flatters_the_whole_figures(rois):
    fidelity = measure_fidelity(*rois)
    assert fidelity.foreground_psnr_db < fidelity.psnr_db
    assert fidelity.foreground_ssim < fidelity.ssim


def test_a_known_offset_gives_a_known_psnr(rois):
    _, image, _, mask = rois
    shifted = image + np.float32(0.02)
    assert psnr_db(shifted, image) == pytest.approx(40, abs=1e-4)
    assert psnr_db(shifted, image, mask) == pytest.approx(40, abs=1e-4)
    inside_only = np.where(mask, shifted, image)
    assert psnr_db(inside_only, image, mask) == pytest.approx(40, abs=1e-4)
    expected = 40 - 10 * math.log10(mask.mean())
    assert psnr_db(inside_only, image) == pytest.approx(expected, abs=1e-4)


def test_tumour_missed_counts_as_much_as_tumour_invented(rois):
    _, image, _, mask = rois
    blank, nothing = np.full_like(image, -1), np.zeros_like(mask)
    missed = measure_fidelity(blank, image, nothing, mask)
    invented = measure_fidelity(image, blank, mask, nothing)
    assert missed == invented
    assert missed.foreground_psnr_db < 10


def test_identical_rois_have_infinite_psnr_which_json_gets_as_null(rois):
    image, _, mask, _ = rois
    fidelity = measure_fidelity(image, image.copy(), mask, mask)
    assert fidelity == Fidelity(math.inf, 1.0, math.inf, 1.0)
    text = json.dumps(fidelity.as_json(), allow_nan=False)
    assert json.loads(text) == {
        "psnr_db": None,
        "ssim": 1.0,
        "foreground_psnr_db": None,
        "foreground_ssim": 1.0,
    }


def test_channels_are_averaged(rois):
    x, y, mask_x, mask_y = rois
    one = measure_fidelity(x, y, mask_x, mask_y)
    both = measure_fidelity(np.stack([x, y]), np.stack([y, y]), mask_x, mask_y)
    assert both.psnr_db == pytest.approx(one.psnr_db + 10 * math.log10(2))
    assert both.ssim == pytest.approx((one.ssim + 1) / 2)
    assert both.foreground_ssim == pytest.approx((one.foreground_ssim + 1) / 2)
    single = measure_fidelity(x[None], y[None], mask_x, mask_y)
    assert single == one


def test_ssim_is_symmetric_and_falls_with_noise(rois):
    _, image, _, mask = rois
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(image.shape).astype(np.float32)
    values = [ssim_3d(image + level * noise, image, mask) for level in (0.0, 0.05, 0.2)]
    assert values == sorted(values, reverse=True)
    noisy = image + 0.2 * noise
    assert ssim_3d(noisy, image, mask) == pytest.approx(ssim_3d(image, noisy, mask))


def test_what_cannot_be_compared_is_refused(rois):
    x, y, mask_x, mask_y = rois
    nothing = np.zeros_like(mask_x)
    with pytest.raises(InputError, match="differ"):
        measure_fidelity(x[1:], y, mask_x[1:], mask_y[1:])
    with pytest.raises(InputError, match="differ"):
        measure_fidelity(x, y, mask_x[1:], mask_y)
    with pytest.raises(InputError, match="any tumour"):
        measure_fidelity(x, y, nothing, nothing)
    with pytest.raises(InputError, match="too small"):
        measure_fidelity(x[:6], y[:6], mask_x[:6], mask_y[:6])
