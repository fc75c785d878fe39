"""Smooth random fields, the raw material of everything irregular."""

import numpy as np
from scipy import ndimage

from napari_tumor_synth.imaging.phantom.kernels import Array, enlarge

__all__ = ["Array", "smooth_field"]


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
    starts = np.array(
        [
            int(rng.integers(0, step * have - want + 1))
            for have, want in zip(coarse, shape, strict=True)
        ]
    )
    if step == 1:
        cut = tuple(slice(s, s + edge) for s, edge in zip(starts, shape, strict=True))
        return np.ascontiguousarray(smooth[cut], dtype=np.float32)
    field = np.empty(shape, np.float32)
    enlarge(smooth.astype(np.float32), step, starts, field)
    return field
