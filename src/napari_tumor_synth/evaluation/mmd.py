"""How far the mean of one set of ROIs is from that of another: MMD with a linear kernel.

Both sets are taken whole and loaded once each, which suits a look during training. It sees the mean
image alone: a set of copies of the mean would have 0. The papers print a figure of small batches
(`mmd_kwon`), most of which is variance; what tells real from synthetic is `mmd_rbf`.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError


def linear_mmd(
    first: Iterable[NDArray[np.float32]], second: Iterable[NDArray[np.float32]]
) -> float:
    """Return the squared distance of the mean images, ``||mean(x) - mean(y)||^2``.

    The biased estimator, with one batch of everything: it is expected to be above 0 by the spread
    of each set divided by its size. It grows with the number of voxels, and with the square of the
    range of intensities. MONAI's `MMDMetric` is the unbiased one, which can be negative.

    Parameters
    ----------
    first, second : iterable of numpy.ndarray
        ROIs of one shape, e.g. ``(C, S, A, R)`` in [-1, 1].

    Raises
    ------
    InputError
        A set is empty, shapes differ, or an ROI holds what is not a number.
    """
    one, other = _mean(first), _mean(second)
    if one.shape != other.shape:
        raise InputError(
            f"ROIs of {one.shape} and {other.shape} voxels cannot be compared.",
            "Give ROIs of one grid.",
        )
    return float(np.square(one - other).sum())


def _mean(images: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    total: NDArray[np.float64] | None = None
    count = 0
    for image in images:
        if total is not None and total.shape != image.shape:
            raise InputError(
                f"A set holds ROIs of {total.shape} and of {image.shape} voxels.",
                "Give ROIs of one grid.",
            )
        if not np.isfinite(image).all():
            raise InputError(
                f"ROI {count + 1} of a set holds values that are not numbers.",
                "Cut or generate the ROI anew.",
            )
        total = image.astype(np.float64) if total is None else total + image
        count += 1
    if total is None:
        raise InputError("A set without ROIs has no mean.", "Give at least one ROI.")
    return total / count
