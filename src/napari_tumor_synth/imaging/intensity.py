"""The intensity scale that every ROI and every generator shares."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError

BACKGROUND = -1.0
"""Value of every voxel outside the tumour, exactly."""

FOREGROUND_FLOOR = -0.9
"""Darkest value inside the tumour: the gap to the background lets an image tell its mask."""

FOREGROUND_CEILING = 1.0
"""Brightest value inside the tumour."""

WINDOW_PERCENTILES = (0.5, 99.9)
"""Percentiles of the brain's non-zero voxels that become the floor and the ceiling.

Measured on eighteen gliomas whose FLAIR scales differ by a factor of 130 (99th percentile of the
brain from 210 to 27,012). Shown for FLAIR: the share of tumour voxels clipped at the ceiling (mean
and worst case), the median contrast within the tumour (standard deviation, in widths of the
window), and the largest contrast of a case over the smallest:

======================  ============  ========  ===============
percentiles             clipped       contrast  largest / least
======================  ============  ========  ===============
0 and 100               0 / 0 %       0.093     2.6
0.5 and 99.5            6.9 / 17 %    0.143     2.8
0.5 and 99.8            2.6 / 7.0 %   0.138     2.6
**0.5 and 99.9**        1.2 / 3.5 %   0.135     2.6
0.5 and 99.95           0.6 / 1.8 %   0.128     2.6
2 and 99.5              6.9 / 17 %    0.156     2.7
======================  ============  ========  ===============

Large bright tumours fill the upper percentiles of FLAIR, so that 99.5 already flattens a sixth of
one of them, whereas the maximum is a single voxel, up to 1.7 times the 99.9th percentile, and
costs a third of the contrast. 99.9 keeps nearly all of both; in T1ce it clips at most 4.7 % of the
enhancing voxels of a case. At the floor, 0.5 clips at most 0.8 % of a tumour in any sequence
(T1), but 2 clips up to 7.9 % (FLAIR), where suppressed cysts and necrosis would lose their depth.
"""


@dataclass(frozen=True)
class IntensityWindow:
    """The parent intensities that map to the floor and the ceiling of the ROI scale."""

    low: float
    high: float

    def to_roi_scale(self, intensities: NDArray[Any]) -> NDArray[np.float64]:
        """Map parent intensities to [-0.9, 1]; what lies outside the window is clipped."""
        share = (np.asarray(intensities, np.float64) - self.low) / (self.high - self.low)
        return FOREGROUND_FLOOR + np.clip(share, 0, 1) * (FOREGROUND_CEILING - FOREGROUND_FLOOR)

    def to_parent_scale(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Map ROI values back to parent intensities; background values are meaningless here."""
        share = (np.asarray(values, np.float64) - FOREGROUND_FLOOR) / (
            FOREGROUND_CEILING - FOREGROUND_FLOOR
        )
        return self.low + share * (self.high - self.low)


def robust_window(
    image: NDArray[Any], percentiles: tuple[float, float] = WINDOW_PERCENTILES
) -> IntensityWindow:
    """Return the window of an image, from percentiles of its voxels that are not exactly 0.

    In a skull-stripped image these voxels are the brain.

    Raises
    ------
    VolumeError
        The image has no contrast: it is empty or constant.
    """
    brain = image[image != 0]
    low, high = np.percentile(brain, percentiles) if brain.size else (0.0, 0.0)
    if not high > low:
        raise VolumeError(
            "The image has no contrast: its voxels are all alike.", "Give the right sequence."
        )
    return IntensityWindow(float(low), float(high))
