"""A growing tumour pushes its surroundings away."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tumor_synth.imaging.phantom.fields import Array
from napari_tumor_synth.imaging.phantom.growth import GRID_MM

_REACH_MM = 12.0


def push_of(core: NDArray[np.bool_], largest_mm: float) -> Array:
    """Return the displacement of the tissue in mm, ``(3, s, a, r)``, outwards from the core.

    The pressure is the smoothed core; tissue yields along its gradient. Nothing moves at the
    border of the box.

    Parameters
    ----------
    core : array of bool
        The solid tumour in the box.
    largest_mm : float
        Length of the largest displacement.
    """
    pressure = ndimage.gaussian_filter(core.astype(np.float32), _REACH_MM / GRID_MM)
    push = -np.stack(np.gradient(pressure)).astype(np.float32)
    length = np.sqrt((push**2).sum(0)).max()
    if length > 0:
        push *= largest_mm / length
    for axis, edge in enumerate(core.shape):
        to_border = np.minimum(np.arange(edge), np.arange(edge)[::-1]) / 6
        view = [1, 1, 1, 1]
        view[axis + 1] = -1
        push *= np.clip(to_border, 0, 1).astype(np.float32).reshape(view)
    return push
