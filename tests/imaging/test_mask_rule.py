"""The stated rule that finds the tumour in a generated image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_tumor_synth.imaging.mask_rule import finish_generated, mask_of_generated

BALL = np.sum((np.indices((32, 32, 32)) - 15.5) ** 2, axis=0) <= 10**2


def image_of(mask, value=0.2, background=-1.0):
    return np.where(mask, value, background).astype(np.float32)


@pytest.mark.parametrize("noise", [0, 0.01])
def test_an_approximate_background_is_no_tumour(noise):
    image = image_of(BALL) + np.random.default_rng(0).normal(0, noise, BALL.shape)
    np.testing.assert_array_equal(mask_of_generated(image.astype(np.float32).clip(-1, 1)), BALL)


@pytest.mark.parametrize(("value", "found"), [(-0.96, False), (-0.94, True), (-0.9, True)])
def test_the_threshold_lies_halfway(value, found):
    assert mask_of_generated(image_of(BALL, value)).any() == found


def test_a_dark_core_is_filled():
    core = np.sum((np.indices((32, 32, 32)) - 15.5) ** 2, axis=0) <= 4**2
    image = image_of(BALL)
    image[core] = -1
    np.testing.assert_array_equal(mask_of_generated(image), BALL)


def test_a_channel_through_the_tumour_stays_open():
    image = image_of(BALL)
    image[:, 14:17, 14:17] = -1  # a ring in axial planes, but open above and below
    mask = mask_of_generated(image)
    assert not mask[:, 15, 15].any()


def test_specks_go_and_second_foci_stay():
    speck, focus = np.zeros_like(BALL), np.zeros_like(BALL)
    speck[0, 0, 0:5] = True
    focus[26:32, 26:32, 26:32] = True
    np.testing.assert_array_equal(mask_of_generated(image_of(BALL | speck)), BALL)
    np.testing.assert_array_equal(mask_of_generated(image_of(BALL | focus)), BALL | focus)


def test_any_channel_makes_tumour():
    half = BALL.copy()
    half[:16] = False
    image = np.stack([image_of(half), image_of(BALL & ~half)])
    np.testing.assert_array_equal(mask_of_generated(image), BALL)


def test_nothing_gives_an_empty_mask():
    assert not mask_of_generated(np.full((8, 8, 8), -1, np.float32)).any()


@given(shift=st.floats(-1.5, 1.5), channels=st.integers(1, 3))
def test_a_finished_image_has_the_form_of_an_roi(shift, channels):
    rng = np.random.default_rng(0)
    image = rng.normal(shift, 0.5, (channels, 8, 8, 8)).astype(np.float32)
    mask = mask_of_generated(image)
    finished = finish_generated(image, mask)
    assert finished.dtype == np.float32
    assert (finished[:, ~mask] == -1).all()
    np.testing.assert_array_equal(
        finished[:, mask], image[:, mask].clip(np.float32(-0.9), np.float32(1))
    )
    np.testing.assert_array_equal((finished > -1).all(axis=0), mask)


def test_a_higher_threshold_leaves_the_blurred_rim_out():
    blurred = ndimage.gaussian_filter(image_of(BALL, 0.5), 1.0)
    low, high = (np.count_nonzero(mask_of_generated(blurred, t)) for t in (-0.95, -0.25))
    assert high == pytest.approx(np.count_nonzero(BALL), rel=0.1)
    assert low > 1.3 * high
