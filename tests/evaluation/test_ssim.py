"""Exact 3D-SSIM: the values are scikit-image's, whatever part of a volume is background."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ssim import compare, prepare_roi, scores_among, scores_of, ssim
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from ssim_blobs import blob

UNIFORM, GAUSSIAN = SsimDefinition("uniform"), SsimDefinition("gaussian")
BOTH = pytest.mark.parametrize("definition", [UNIFORM, GAUSSIAN], ids=["uniform", "gaussian"])


def by_scikit_image(one, other, definition):
    windows = (
        {"win_size": 7}
        if definition.window == "uniform"
        else {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    )
    moved = [(volume.astype(np.float64) + 1) / 2 for volume in (one, other)]
    whole, local = structural_similarity(*moved, data_range=1.0, full=True, **windows)
    return whole, local[(one > -1) | (other > -1)].mean()


def assert_scikit_image(one, other, definition, tolerance=1e-9):
    found = ssim(one, other, definition)
    whole, foreground = by_scikit_image(one, other, definition)
    assert found.whole == pytest.approx(whole, abs=tolerance)
    assert found.foreground == pytest.approx(foreground, abs=tolerance)


@BOTH
@pytest.mark.parametrize("size", [64, 128])
def test_masked_rois(definition, size):
    rng = np.random.default_rng(size)
    assert_scikit_image(blob(rng, size), blob(rng, size), definition)


@BOTH
def test_dense_volumes(definition):
    rng = np.random.default_rng(0)
    one, other = (rng.uniform(-0.99, 1, (24, 31, 27)).astype(np.float32) for _ in range(2))
    assert_scikit_image(one, other, definition)
    assert_scikit_image(one, 0.5 * one + 0.1, definition)


@BOTH
def test_tumours_at_the_border_and_apart(definition):
    rng = np.random.default_rng(1)
    corner = blob(rng, 40, (2, 1, 3), (6, 5, 7))
    far = blob(rng, 40, (36, 38, 35), (5, 5, 6))
    assert_scikit_image(corner, far, definition)
    assert_scikit_image(corner, blob(rng, 40, (3, 3, 3), (7, 7, 7)), definition)
    assert_scikit_image(corner, rng.uniform(-0.9, 1, (40,) * 3).astype(np.float32), definition)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([UNIFORM, GAUSSIAN]))
def test_any_boxes(seed, definition):
    rng = np.random.default_rng(seed)
    volumes = []
    for _ in range(2):
        low = rng.integers(0, 14, 3)
        high = low + 1 + rng.integers(0, 14 - low, 3)
        volume = np.full((14, 14, 14), -1, np.float32)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        volume[part] = rng.uniform(-0.999, 1, tuple(high - low))
        volumes.append(volume)
    assert_scikit_image(*volumes, definition)


@BOTH
def test_an_roi_is_like_itself(definition):
    one = blob(np.random.default_rng(2))
    found = ssim(one, one.copy(), definition)
    assert found.whole == pytest.approx(1, abs=1e-12)
    assert found.foreground == pytest.approx(1, abs=1e-12)


@BOTH
def test_either_order(definition):
    rng = np.random.default_rng(3)
    one, other = blob(rng), blob(rng)
    assert ssim(one, other, definition) == ssim(other, one, definition)


@BOTH
def test_float32_is_near(definition):
    rng = np.random.default_rng(4)
    for _ in range(3):
        dense = rng.uniform(-0.99, 1, (32,) * 3).astype(np.float32)
        for one, other in ((blob(rng), blob(rng)), (dense, np.clip(dense + 0.05, -0.99, 1))):
            exact = ssim(one, other, definition)
            prepared = [prepare_roi(volume, definition, exact=False) for volume in (one, other)]
            near = compare(*prepared)
            assert near.whole == pytest.approx(exact.whole, abs=1e-5)
            assert near.foreground == pytest.approx(exact.foreground, abs=1e-5)


def test_channels_are_averaged():
    rng = np.random.default_rng(5)
    one, other = blob(rng), blob(rng)
    both = ssim(np.stack([one, one]), np.stack([other, one]))
    alone = ssim(one, other)
    assert both.whole == pytest.approx((alone.whole + 1) / 2)
    assert both.foreground == pytest.approx((alone.foreground + 1) / 2)


def test_many_at_once():
    rng = np.random.default_rng(6)
    rois = [prepare_roi(blob(rng)) for _ in range(4)]
    found = scores_of(rois[0], rois)
    assert found.shape == (4, 2)
    assert found[0] == pytest.approx([1, 1])
    second = compare(rois[0], rois[2])
    assert tuple(found[2]) == (second.whole, second.foreground)
    np.testing.assert_array_equal(scores_of(rois[0], rois, threads=3), found)


def test_all_pairs():
    rng = np.random.default_rng(7)
    rois = [prepare_roi(blob(rng)) for _ in range(4)]
    steps = []
    found = scores_among(rois, threads=2, on_progress=lambda progress: steps.append(progress.step))
    for number, roi in enumerate(rois):
        np.testing.assert_allclose(found[number], scores_of(roi, rois), atol=1e-12)
    assert steps == [1, 2, 3, 4]
    assert scores_of(rois[0], []).shape == (0, 2)


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (np.full((6, 9, 9), 0.0), "6 x 9 x 9"),
        (np.full((9, 9, 9), -1.0), "no tumour"),
        (np.full((9, 9, 9), np.nan), "not numbers"),
        (np.full((9, 9, 9), np.inf), "not numbers"),
    ],
)
def test_what_cannot_be_compared(volume, message):
    with pytest.raises(InputError, match=message):
        prepare_roi(volume)


def test_different_grids_and_definitions():
    one = prepare_roi(np.zeros((9, 9, 9)))
    with pytest.raises(InputError, match="1 x 9 x 9 x 9 voxels and 1 x 9 x 9 x 10"):
        compare(one, prepare_roi(np.zeros((9, 9, 10))))
    with pytest.raises(InputError, match="different indices"):
        compare(one, prepare_roi(np.zeros((9, 9, 9)), exact=False))


def test_the_definition_says_what_it_is():
    assert "uniform window of 7 voxels, sample covariance" in str(UNIFORM)
    assert "Gaussian window of 11 voxels, sigma 1.5, population covariance" in str(GAUSSIAN)
