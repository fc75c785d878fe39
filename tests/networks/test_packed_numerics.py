"""The arithmetic of a packed step against scipy, and its products against exact sums."""

import numpy as np
import pytest
import torch
from numba import njit
from scipy.special import softmax as exact_softmax
from scipy.stats import norm

from napari_tumor_synth.networks.packed.byte_panels import ZERO
from napari_tumor_synth.networks.packed.matrices import pack
from napari_tumor_synth.networks.packed.numerics import exponential, gelu, layer_norm, softmax
from napari_tumor_synth.networks.packed.panels import panel_product
from napari_tumor_synth.networks.packed.product import PackedLinear

X = np.linspace(-40, 40, 160_001, dtype=np.float32)


@njit
def _all_exponentials(x, out):
    for i in range(x.size):
        out[i] = exponential(x[i])


@njit
def _all_gelus(x, out):
    for i in range(x.size):
        out[i] = gelu(x[i])


def test_exponentials_are_exact_to_the_last_digit_but_one():
    found = np.empty_like(X)
    _all_exponentials(X, found)
    assert np.abs(found / np.exp(X.astype(np.float64)) - 1).max() < 1.2e-7
    edges = np.array([-1e9, -100, 100, 1e9], np.float32)
    _all_exponentials(edges, edges)
    assert np.all(edges[:2] < 1e-37)
    assert np.isfinite(edges).all()


def test_gelu_is_x_times_the_normal_distribution():
    found = np.empty_like(X)
    _all_gelus(X, found)
    exact = X * norm.cdf(X.astype(np.float64))
    assert np.abs(found - exact).max() < 5e-7


def test_softmax_and_layer_norm():
    rng = np.random.default_rng(0)
    row = rng.normal(0, 5, 300).astype(np.float32)
    found = row.copy()
    softmax(found, 200)
    np.testing.assert_allclose(found[:200], exact_softmax(row[:200].astype(float)), rtol=3e-6)
    np.testing.assert_array_equal(found[200:], row[200:])
    gain, shift = rng.normal(size=(2, 300)).astype(np.float32)
    out = np.empty_like(row)
    layer_norm(row, gain, shift, out)
    exact = torch.nn.functional.layer_norm(
        *map(torch.from_numpy, [row]), (300,), *map(torch.from_numpy, [gain, shift])
    )
    np.testing.assert_allclose(out, exact.numpy(), atol=2e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("rows", [1, 3, 4, 9])
def test_products_are_those_of_the_stored_weights(precision, rows):
    rng = np.random.default_rng(1)
    weights = torch.from_numpy(rng.normal(size=(100, 37)).astype(np.float32))
    bias = torch.from_numpy(rng.normal(size=100).astype(np.float32))
    matrix = pack([(lambda: weights, bias)], (100, 37), precision)
    given = rng.normal(size=(rows, 37)).astype(np.float32)
    found = np.full((rows, 128), np.nan, np.float32)
    for panel in range(2):
        panel_product(matrix.panels[0], panel, 1, given, 37, found, panel * 64)
    found = found * matrix.scales + matrix.biases
    stored = weights if precision == "float32" else weights.bfloat16().float()
    exact = given.astype(np.float64) @ stored.double().numpy().T + bias.double().numpy()
    np.testing.assert_allclose(found[:, :100], exact, atol=3e-6)
    assert np.array_equal(found[:, 100:], np.zeros((rows, 28)))


def test_a_row_of_zeros_stays_zero_in_int8():
    weights = torch.zeros(3, 5)
    weights[1] = 2.0
    matrix = pack([(lambda: weights, None)], (3, 5), "int8")
    assert np.isfinite(matrix.scales).all()
    stored = matrix.panels[0, 0].astype(int).swapaxes(0, 1).reshape(64, -1) - ZERO
    assert stored[0, :5].tolist() == [0] * 5
    assert stored[1, :5] * matrix.scales[0, 1] == pytest.approx([2.0] * 5)


def test_a_packed_layer_gives_a_row_the_same_result_in_any_company():
    torch.manual_seed(0)
    layer = torch.nn.Linear(70, 130)
    given = torch.randn(2, 9, 70)
    with torch.inference_mode():
        together = PackedLinear(layer)(given)
        assert torch.allclose(together, layer(given), atol=1e-5)
        assert torch.equal(PackedLinear(layer)(given[1, 4:5]), together[1, 4:5])
