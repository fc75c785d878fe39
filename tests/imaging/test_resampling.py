"""Weights that copy, average and interpolate as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tumor_synth.imaging.resampling import (
    BoxAxis,
    affine_of_box,
    box_of_affine,
    covered_share,
    resample_to_grid,
    whole_ratio,
)
from napari_tumor_synth.imaging.volume import Volume


@given(
    edge=st.floats(-3, 3),
    ratio=st.floats(0.2, 4),
    length=st.integers(1, 6),
)
def test_weights_sum_to_one_and_are_exact_for_ramps(edge, ratio, length):
    axis = BoxAxis(edge + 20, ratio, length)
    weights = axis.weights(60)
    centres = edge + 20 + ratio * (np.arange(length) + 0.5)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights @ np.arange(60), centres)
    assert weights.min() >= -1e-12


def test_whole_ratios_are_means_of_blocks():
    weights = BoxAxis(0.5, 3.0, 2).weights(8)
    expected = np.zeros((2, 8))
    expected[0, 1:4] = expected[1, 4:7] = 1 / 3
    np.testing.assert_allclose(weights, expected)


@pytest.mark.parametrize("edge", [-0.5, 3.5, -7.5, 100.5])
def test_the_grids_own_spacing_copies(edge):
    weights = BoxAxis(edge, 1.0, 5).weights(6)
    assert set(np.unique(weights)) <= {0.0, 1.0}
    for row, column in np.argwhere(weights):
        assert column == row + edge + 0.5


@pytest.mark.parametrize(
    ("ratio", "whole"),
    [(1.0005, 1), (0.9995, 1), (1.999, 2), (1.99, 1.99), (0.50004, 0.5), (0.7, 0.7), (3.001, 3)],
)
def test_ratios_that_nearly_are_whole_count_as_whole(ratio, whole):
    assert whole_ratio(ratio) == whole


def test_coverage_counts_parts_of_voxels():
    axis = BoxAxis(0.25, 1.5, 2)
    np.testing.assert_allclose(axis.coverage(5), [0.25, 1, 1, 0.75, 0])
    mask = np.ones((5, 5, 5), bool)
    assert covered_share(mask, (axis, axis, axis)) == pytest.approx((3 / 5) ** 3)


def test_a_box_is_found_again_by_its_affine():
    box = (BoxAxis(-2.5, 2.0, 8), BoxAxis(3.5, 1.0, 9), BoxAxis(0.125, 0.7, 10))
    grid = np.array([[0, -2.0, 0, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])
    found = box_of_affine(grid, affine_of_box(grid, box), (8, 9, 10))
    assert found is not None
    for axis, expected in zip(found, box, strict=True):
        assert axis.edge == pytest.approx(expected.edge)
        assert axis.ratio == pytest.approx(expected.ratio)


def test_interpolation_on_another_grid_is_linear_in_space():
    affine = np.diag([4.0, 3, 2, 1])
    s, a, r = np.indices((6, 7, 8))
    volume = Volume((2 * (4 * r) - 3 * a + 5 * (2 * s)).astype(np.float32), affine)
    finer = np.diag([1.0, 1, 1, 1])
    finer[:3, 3] = (2, 3, 1)
    resampled = resample_to_grid(volume, finer, (5, 6, 7))
    s, a, r = np.indices((5, 6, 7))
    np.testing.assert_allclose(resampled, 2 * (r + 2) - (a + 3) + 5 * (s + 1), atol=1e-3)


def test_beyond_the_outer_voxels_the_nearest_value_is_repeated():
    volume = Volume(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.eye(4))
    far = np.eye(4)
    far[:3, 3] = 10
    assert (resample_to_grid(volume, far, (2, 2, 2)) == 7).all()
