"""The three means of kernel values that every MMD is made of, for one weighting or for many.

.. [1] Gretton et al., A Kernel Two-Sample Test, 2012.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[Any]
Owners = NDArray[np.int64] | None


def unbiased_mmd2(
    kernel: NDArray[np.float64], ours: Weights, theirs: Weights, owners: Owners = None
) -> NDArray[np.float64]:
    """Return the unbiased squared MMD ([1]_, equation 3), once a weighting.

    Parameters
    ----------
    kernel : (n, n) float64
        Of all items of both sets.
    ours, theirs : (k, n)
        How often each item is in each set. Copies of an item are not paired with each other.
    owners : (n,) int64, optional
        Whose each item is: those of one owner resemble each other, and are not paired within a set.
        None is one item an owner.

    Returns
    -------
    (k,) float64
        NaN where a set has but one different item, or owner.
    """
    within = _within(kernel, ours, owners) + _within(kernel, theirs, owners)
    return within - 2 * _between(kernel, ours, theirs)


def spread(
    kernel: NDArray[np.float64], weights: Weights, owners: Owners = None
) -> NDArray[np.float64]:
    """Return the total variance of a set in the kernel's space, once a weighting (k, n)."""
    weights = np.asarray(weights, np.float64)
    own = weights @ np.diag(kernel) / weights.sum(axis=1)
    total: NDArray[np.float64] = own - _within(kernel, weights, owners)
    return total


def _within(kernel: NDArray[np.float64], weights: Weights, owners: Owners) -> NDArray[np.float64]:
    weights = np.asarray(weights, np.float64)
    if owners is None or len(np.unique(owners)) == len(owners):
        squares = weights**2
        sums = np.einsum("kn,kn->k", weights @ kernel, weights) - squares @ np.diag(kernel)
        pairs = weights.sum(axis=1) ** 2 - squares.sum(axis=1)
    else:
        paired = (owners[:, None] != owners).astype(np.float64)
        sums = np.einsum("kn,kn->k", weights @ (kernel * paired), weights)
        pairs = np.einsum("kn,kn->k", weights @ paired, weights)
    means: NDArray[np.float64] = np.full(len(pairs), np.nan)
    np.divide(sums, pairs, out=means, where=pairs > 0)
    return means


def _between(kernel: NDArray[np.float64], ours: Weights, theirs: Weights) -> NDArray[np.float64]:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    sums = np.einsum("kn,kn->k", ours @ kernel, theirs)
    means: NDArray[np.float64] = sums / (ours.sum(axis=1) * theirs.sum(axis=1))
    return means
