"""How faithful a reconstruction is to its image: PSNR and 3D-SSIM, whole and inside the tumour.

Most of a masked ROI is background, which any model reproduces: the figures of the whole volume
are nearer to a blurred reconstruction's than they look. Judge by those of the foreground.

.. [1] Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from napari_tumor_synth.errors import InputError

DATA_RANGE = 2.0  # of intensities in [-1, 1]
SSIM_WINDOW = 7  # voxels


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Agreement of two ROIs.

    Attributes
    ----------
    psnr_db, foreground_psnr_db : float
        Peak signal-to-noise ratio in dB for a data range of 2; infinite for identical voxels.
    ssim, foreground_ssim : float
        3D structural similarity, at most 1.
    """

    psnr_db: float
    ssim: float
    foreground_psnr_db: float
    foreground_ssim: float

    def as_json(self) -> dict[str, float | None]:
        """Return the figures by name; an infinite PSNR becomes None, since JSON has no infinity."""
        return {
            name: value if math.isfinite(value) else None for name, value in asdict(self).items()
        }


def measure_fidelity(
    reconstruction: NDArray[np.float32],
    image: NDArray[np.float32],
    reconstruction_mask: NDArray[np.bool_],
    image_mask: NDArray[np.bool_],
) -> Fidelity:
    """Compare a reconstruction with its image.

    Parameters
    ----------
    reconstruction, image : numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1].
    reconstruction_mask, image_mask : numpy.ndarray
        ``(S, A, R)`` bool. The foreground is their union, so that tumour missed and tumour
        invented both count.

    Raises
    ------
    InputError
        Shapes differ, an axis is shorter than 7 voxels, or both masks are empty.
    """
    _require_same_grid(reconstruction, image, reconstruction_mask, image_mask)
    foreground = reconstruction_mask | image_mask
    if not foreground.any():
        raise InputError(
            "Neither the image nor its reconstruction holds any tumour.",
            "Choose a ROI whose mask is not empty.",
        )
    ssim, foreground_ssim = ssim_3d(reconstruction, image, foreground)
    return Fidelity(
        psnr_db=psnr_db(reconstruction, image),
        ssim=ssim,
        foreground_psnr_db=psnr_db(reconstruction, image, foreground),
        foreground_ssim=foreground_ssim,
    )


def psnr_db(
    reconstruction: NDArray[np.float32],
    image: NDArray[np.float32],
    mask: NDArray[np.bool_] | None = None,
) -> float:
    """Return ``10 log10(2^2 / MSE)`` over all voxels or over those of the mask.

    Parameters
    ----------
    reconstruction, image : numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1]; the squared error is averaged over channels.
    mask : numpy.ndarray, optional
        ``(S, A, R)`` bool, not empty.

    Returns
    -------
    float
        Infinite if the voxels are identical.
    """
    error = np.square(reconstruction.astype(np.float64) - image.astype(np.float64))
    mean = float(error.mean() if mask is None else error[..., mask].mean())
    return math.inf if mean == 0 else 10 * math.log10(DATA_RANGE**2 / mean)


def ssim_3d(
    reconstruction: NDArray[np.float32],
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
) -> tuple[float, float]:
    """Return the 3D-SSIM of the whole ROI and inside the mask ([1]_, in three dimensions).

    Uniform window of 7 voxels, sample covariance, K1 = 0.01, K2 = 0.03, computed in float64 on
    intensities moved to [0, 1]: the index compares local means as a ratio, which says nothing of
    means around 0. As [1]_ has it the whole figure leaves out
    the three outer voxels, whose windows are incomplete; inside the mask all voxels count, with
    the ROI mirrored at its border. Several channels are averaged.

    Parameters
    ----------
    reconstruction, image : numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1], at least 7 voxels along each axis.
    mask : numpy.ndarray
        ``(S, A, R)`` bool, not empty.
    """
    pairs = zip(_channels(reconstruction), _channels(image), strict=True)
    figures = []
    for ours, theirs in pairs:
        mean, local = structural_similarity(  # type: ignore[no-untyped-call]
            _from_zero_to_one(ours),
            _from_zero_to_one(theirs),
            win_size=SSIM_WINDOW,
            data_range=1.0,
            full=True,
        )
        figures.append((mean, local[mask].mean()))
    whole, inside = np.mean(figures, axis=0)
    return float(whole), float(inside)


def _from_zero_to_one(volume: NDArray[np.float32]) -> NDArray[np.float64]:
    return (volume.astype(np.float64) + 1) / 2


def _channels(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    return volume if volume.ndim == 4 else volume[None]


def _require_same_grid(
    reconstruction: NDArray[np.float32],
    image: NDArray[np.float32],
    reconstruction_mask: NDArray[np.bool_],
    image_mask: NDArray[np.bool_],
) -> None:
    grids = {image.shape[-3:], reconstruction_mask.shape, image_mask.shape}
    if reconstruction.shape != image.shape or len(grids) > 1:
        raise InputError(
            f"The image {image.shape}, its reconstruction {reconstruction.shape} and their masks "
            f"{image_mask.shape} and {reconstruction_mask.shape} differ in shape.",
            "Compare ROIs on one grid.",
        )
    if min(image.shape[-3:]) < SSIM_WINDOW:
        raise InputError(
            f"A ROI of {image.shape[-3:]} voxels is too small for SSIM.",
            f"Use at least {SSIM_WINDOW} voxels along each axis.",
        )
