"""Smooth random fields, the raw material of everything irregular."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]


def smooth_field(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Array:
    """Return Gaussian noise of mean 0 and standard deviation 1, correlated over `scale` voxels.

    Parameters
    ----------
    shape : tuple of int
        Shape of the field.
    scale : float
        Standard deviation of the Gaussian kernel in voxels.
    """
    step = max(1, int(scale))
    coarse = tuple(-(-edge // step) + 4 for edge in shape)
    noise = rng.standard_normal(coarse, dtype=np.float32)
    smooth = ndimage.gaussian_filter(noise, scale / step, mode="wrap")
    smooth = (smooth - smooth.mean()) / (smooth.std() + 1e-12)
    if step > 1:
        smooth = ndimage.zoom(smooth, step, order=1, mode="nearest", grid_mode=True)
    starts = [
        int(rng.integers(0, have - want + 1))
        for have, want in zip(smooth.shape, shape, strict=True)
    ]
    cut = tuple(slice(s, s + edge) for s, edge in zip(starts, shape, strict=True))
    return np.ascontiguousarray(smooth[cut], dtype=np.float32)
