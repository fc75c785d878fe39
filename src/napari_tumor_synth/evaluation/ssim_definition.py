"""Which 3D-SSIM: windows, covariance, range; figures of different definitions are not comparable.

.. [1] Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

K1, K2 = 0.01, 0.03
SIGMA, TRUNCATE = 1.5, 3.5  # of the Gaussian window, voxels and standard deviations


@dataclass(frozen=True, slots=True)
class SsimDefinition:
    """How the index is computed ([1]_, in three dimensions).

    Intensities are moved from [-1, 1] to [0, 1] with a data range of 1, because the index compares
    local means as a ratio. Several channels are averaged. The figure of the whole volume leaves
    out positions whose windows are incomplete; that of the foreground counts every voxel of the
    union of both masks, with volumes mirrored at their borders. This is scikit-image's definition.

    Attributes
    ----------
    window : {"uniform", "gaussian"}
        7 voxels a side with sample covariance, or 11 with a standard deviation of 1.5 voxels and
        population covariance as in [1]_.
    """

    window: Literal["uniform", "gaussian"] = "uniform"

    @property
    def reach(self) -> int:
        """Voxels from the middle of a window to its end."""
        return 3 if self.window == "uniform" else int(TRUNCATE * SIGMA + 0.5)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights of a window along one axis, which add up to 1."""
        offsets = np.arange(-self.reach, self.reach + 1)
        if self.window == "uniform":
            return np.full(len(offsets), 1 / len(offsets))
        weights = np.exp(-0.5 * offsets**2 / SIGMA**2)
        normalised: NDArray[np.float64] = weights / weights.sum()
        return normalised

    @property
    def covariance_factor(self) -> float:
        """What variances and covariances are multiplied by."""
        count = float((2 * self.reach + 1) ** 3)
        return count / (count - 1) if self.window == "uniform" else 1.0

    def __str__(self) -> str:
        size = 2 * self.reach + 1
        kind = (
            f"uniform window of {size} voxels, sample covariance"
            if self.window == "uniform"
            else f"Gaussian window of {size} voxels, sigma {SIGMA:g}, population covariance"
        )
        return (
            f"3D-SSIM, {kind}, K1 {K1:g}, K2 {K2:g}, intensities in [0, 1], data range 1; "
            "whole: complete windows only; foreground: union of both masks, mirrored borders"
        )
