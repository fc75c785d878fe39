"""Fréchet distance of feature vectors (FID), exact and without a matrix square root.

.. [1] Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
   Equilibrium, 2017: equation 6.

The trace of the square root of two covariances' product is the sum of the singular values of
``X Y^T``, X and Y being the centred vectors divided by the root of their number less one; a
triangular factor stands for whichever has more vectors than a vector has numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import features_of_one_space


def frechet_distance(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> float:
    """Return the Fréchet distance of two sets of vectors, (n, d) and (m, d), [1]_.

    Covariances are those of samples (divided by n - 1). The distance is that of two normal
    distributions, and biased upward in small sets: compare it with that of real sets of the same
    size.

    Raises
    ------
    InputError
        Vectors of different lengths or not of numbers, or fewer than two.
    """
    ours, theirs = features_of_one_space(one, other)
    if min(len(ours), len(theirs)) < 2:
        raise InputError(
            f"{len(ours)} and {len(theirs)} feature vectors have no covariance.",
            "Give at least two of each.",
        )
    gap = ours.mean(axis=0) - theirs.mean(axis=0)
    first, second = _factor(ours), _factor(theirs)
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    found = gap @ gap + np.square(first).sum() + np.square(second).sum() - 2 * shared
    return float(max(found, 0.0))


def _factor(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return F with as few rows as can be, so that F^T F is the covariance."""
    centred: NDArray[np.float64] = (vectors - vectors.mean(axis=0)) / np.sqrt(len(vectors) - 1)
    if len(centred) <= centred.shape[1]:
        return centred
    triangle: Any = np.linalg.qr(centred, mode="r")
    return np.asarray(triangle, np.float64)
