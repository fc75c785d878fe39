"""Products of bytes against sums of whole numbers, and of real ones."""

import numpy as np
import pytest
import torch
from numba import njit

from napari_tumor_synth.networks.packed import byte_panels
from napari_tumor_synth.networks.packed.byte_panels import (
    Digits,
    byte_panel_product,
    has_vnni,
    write_digits,
)
from napari_tumor_synth.networks.packed.matrices import pack

COUNT, WIDTH, PADDED = 8, 90, 92


def digits_of(rows, depth=PADDED):
    count = len(rows)
    digits = Digits(
        np.full((count, 2, depth), 77, np.int8),
        np.zeros(count, np.float32),
        np.zeros(count, np.int64),
    )
    for number, row in enumerate(rows):
        write_digits(row, digits, number, depth)
    return digits


def whole(digits):
    high, low = digits.values.astype(np.int64).swapaxes(0, 1)
    return 256 * high + low


@pytest.fixture
def rows():
    rows = np.random.default_rng(0).normal(0, 3, (COUNT, WIDTH)).astype(np.float32)
    rows[1] *= 1e-6
    rows[2, 5] = 1e4  # everything else is small beside it
    return rows


def test_inputs_are_kept_to_a_65_thousandth_of_the_largest_of_their_row(rows):
    digits = digits_of(rows)
    found = whole(digits)[:, :WIDTH] * digits.steps[:, None].astype(float)
    largest = np.abs(rows).max(1, keepdims=True)
    assert (np.abs(found - rows) / largest).max() < 0.501 / (127 * 256)
    assert not whole(digits)[:, WIDTH:].any()


def test_a_row_of_zeros_and_the_ends_of_the_range():
    rows = np.zeros((2, WIDTH), np.float32)
    rows[1, :3] = [5, -5, 4.99]
    digits = digits_of(rows)
    np.testing.assert_array_equal(whole(digits)[1, :2], [127 * 256, -127 * 256])
    np.testing.assert_array_equal(digits.steps, [0, np.float32(5) / (127 * 256)])
    assert not whole(digits)[0].any()


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("instructions", ["of this processor", "of any"])
def test_products_are_exact_sums_of_whole_numbers(rows, count, instructions, monkeypatch):
    if instructions == "of any":
        monkeypatch.setattr(byte_panels, "has_vnni", lambda: False)
    elif not has_vnni():
        pytest.skip("this processor has no instruction of its own for it")
    product = njit(error_model="numpy")(byte_panel_product.py_func)
    weights = torch.randn(100, WIDTH, generator=torch.Generator().manual_seed(1))
    matrix = pack([(lambda: weights, None)], (100, WIDTH), "int8")
    stored = np.rint(weights.numpy() / matrix.scales[0, :100, None]).astype(np.int64)
    digits = digits_of(rows)
    out = np.full((COUNT, 3 * 64), np.nan, np.float32)
    product(matrix.panels[0], 1, 0, digits, count, out, 64)
    sums = whole(digits)[:count, :WIDTH] @ stored[64:].T
    exact = sums.astype(np.float32) * digits.steps[:count, None]
    np.testing.assert_array_equal(out[:count, 64:100], exact)
    assert np.isnan(out[count:]).all()
    assert np.isnan(out[:count, :64]).all()
    assert np.isnan(out[:count, 128:]).all()


def test_the_largest_sums_there_can_be_do_not_overflow():
    depth = 16384
    rows = np.full((1, depth), -3.0, np.float32)
    matrix = pack([(lambda: torch.ones(64, depth), None)], (64, depth), "int8")
    out = np.zeros((1, 64), np.float32)
    byte_panel_product(matrix.panels[0], 0, 0, digits_of(rows, depth), 1, out, 0)
    np.testing.assert_allclose(out * matrix.scales[0], -3.0 * depth, rtol=1e-6)


@pytest.mark.parametrize("strange", [np.nan, np.inf])
def test_what_is_not_a_number_is_not_hidden(rows, strange):
    rows[0, 3] = strange
    matrix = pack([(lambda: torch.randn(64, WIDTH), None)], (64, WIDTH), "int8")
    out = np.zeros((2, 64), np.float32)
    byte_panel_product(matrix.panels[0], 0, 0, digits_of(rows[:2]), 2, out, 0)
    assert not np.isfinite(out[0]).any()
    assert np.isfinite(out[1]).all()
