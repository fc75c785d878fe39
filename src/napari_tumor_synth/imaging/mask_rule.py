"""Which voxels of a generated image are tumour, by one stated rule."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING, FOREGROUND_FLOOR

MASK_THRESHOLD = (BACKGROUND + FOREGROUND_FLOOR) / 2
"""Halfway from the background to the darkest tumour voxel: -0.95, for a decoder without blur."""

HIGHEST_THRESHOLD = -0.3
"""No model may cut more than this from the rim of its tumours."""

SMALLEST_COMPONENT = 0.05
"""Share of the largest component below which another one is a speck, not a second focus."""


def mask_of_generated(
    image: NDArray[np.float32], threshold: float = MASK_THRESHOLD
) -> NDArray[np.bool_]:
    """Find the tumour in a generated image.

    The rule: voxels above a threshold in any channel; holes filled that are enclosed in 3D (a
    necrotic core that reached the background value), but not those closed in a single plane only,
    because a resection cavity or the space between two lobes may open elsewhere; of the components
    connected through faces, all with at least 5 % of the largest one's voxels (several foci are
    plausible, specks are not).

    Parameters
    ----------
    image : ndarray of float32, (S, A, R) or (C, S, A, R)
        Generated intensities in [-1, 1].
    threshold : float
        Of the model, which was found on held-out ROIs when it was trained.

    Returns
    -------
    ndarray of bool, (S, A, R)
        Empty when no voxel is above the threshold.
    """
    channels = image if image.ndim == 4 else image[np.newaxis]
    filled = ndimage.binary_fill_holes((channels > threshold).any(axis=0))
    components, _ = ndimage.label(filled)
    voxels = np.bincount(components.ravel())
    voxels[0] = 0
    kept = (voxels > 0) & (voxels >= SMALLEST_COMPONENT * voxels.max())
    mask: NDArray[np.bool_] = kept[components]
    return mask


def finish_generated(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give a generated image the form of an ROI.

    Parameters
    ----------
    image : ndarray of float32, (S, A, R) or (C, S, A, R)
    mask : ndarray of bool, (S, A, R)

    Returns
    -------
    ndarray of float32, shaped like `image`
        -1 outside the mask, clamped to [-0.9, 1] inside.
    """
    inside = np.clip(image, FOREGROUND_FLOOR, FOREGROUND_CEILING)
    return np.where(mask, inside, BACKGROUND).astype(np.float32)


def foreground_of(image: NDArray[np.float32], threshold: float = BACKGROUND) -> NDArray[np.bool_]:
    """Return the mask (S, A, R) that an image (C, S, A, R) shows.

    Parameters
    ----------
    image : ndarray of float32, (C, S, A, R)
    threshold : float
        -1 for a saved ROI, which knows its mask; `MASK_THRESHOLD` for what a decoder puts out.
    """
    mask: NDArray[np.bool_] = np.any(image > threshold, axis=0)
    return mask
