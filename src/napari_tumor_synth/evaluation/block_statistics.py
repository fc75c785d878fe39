"""Statistics of blocks of 2^3 voxels of a volume, from which scores are bounded; see `bounds`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.block_kernel import block_sums, slopes_of
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_volume import C1, C2, WindowedVolume

BLOCK = 2
MEAN, MEAN_SD, LEAST, MOST, STRUCTURE, SQUARES, MOST_SQUARES, SPREAD, ALONE, FIELDS = (
    *(0, 1, 2, 3),
    *(4, 8, 9, 10, 11, 12),
)
"""Rows of `BlockStatistics.values`; structure has four."""
_ROUNDING = 1e-6  # of variances and slopes in float32, and more


@dataclass(frozen=True, eq=False)
class BlockStatistics:
    """Statistics of the windows around the voxels of each block of a volume.

    Attributes
    ----------
    origin : (3,) int64
        First block, counted from that of voxel (0, 0, 0).
    values : (12, s, a, r) float32
        Of the local mean: its mean, standard deviation, least and most. Of the four-vector of
        structure: its means. Of its squared length, the variance: mean and most. Standard deviation
        of the four-vector. Sum over the mask of the index with an empty volume.
    mask : (s, a, r) uint8
        A bit a voxel.
    """

    origin: NDArray[np.int64]
    values: NDArray[np.float32]
    mask: NDArray[np.uint8]

    def spread(self, shape: tuple[int, ...]) -> "BlockStatistics":
        """Return the same on the grid of blocks of a whole volume of (S, A, R) voxels."""
        grid = tuple(-(-size // BLOCK) for size in shape)
        place = tuple(
            slice(low, low + size)
            for low, size in zip(self.origin.tolist(), self.mask.shape, strict=True)
        )
        values, mask = np.zeros((FIELDS, *grid), np.float32), np.zeros(grid, np.uint8)
        values[(slice(None), *place)], mask[place] = self.values, self.mask
        return BlockStatistics(np.zeros(3, np.int64), values, mask)


def block_statistics(part: WindowedVolume, definition: SsimDefinition) -> BlockStatistics:
    """Compute the statistics of the blocks that a part of a volume reaches into."""
    flat, reach = definition.weights, definition.reach
    offsets = np.arange(-reach, reach + 1)
    sloped = flat * offsets / np.sqrt((flat * offsets**2).sum())
    scale = np.sqrt(definition.covariance_factor)
    slopes = slopes_of(part.raw.astype(np.float64), flat, scale * sloped)
    first = part.origin // BLOCK
    grid = -(-(part.origin + part.mean.shape) // BLOCK) - first
    inner = part.raw[(slice(reach, -reach),) * 3]
    sums, limits, mask = block_sums(
        inner, part.mean, part.variance, slopes, part.origin % BLOCK, grid, _ROUNDING, C1, C2
    )
    of_mean, of_squared_mean, structure, squares = sums[0], sums[1], sums[2:6], sums[6]
    mean, structure, squares = (each / BLOCK**3 for each in (of_mean, structure, squares))
    values = [
        mean,
        np.sqrt(np.maximum(of_squared_mean / BLOCK**3 - mean * mean, 0)),
        limits[0],
        limits[1],
        *structure,
        squares,
        limits[2],
        np.sqrt(np.maximum(squares - (structure * structure).sum(axis=0), 0)),
        sums[7],
    ]
    return BlockStatistics(first, np.stack(values).astype(np.float32), mask)
