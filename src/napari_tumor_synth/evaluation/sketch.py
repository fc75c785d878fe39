"""The statistics of a volume's blocks in 14 bytes a block, rounded so that bounds still hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.block_statistics import (
    FIELDS,
    LEAST,
    MEAN,
    MEAN_SD,
    MOST,
    MOST_SQUARES,
    SPREAD,
    SQUARES,
    STRUCTURE,
    BlockStatistics,
)

MEAN_STEPS, SD_STEPS, DEVIATION_STEPS, SLOPE_STEPS, SPREAD_STEPS = 255, 510, 65535, 127, 255
MOST_STEPS = 255 / np.sqrt(8)
"""Steps to 1 of each code: of means, of their standard deviation, and of the standard deviation of
a block; and, as shares of the latter, of structure, of its spread and of the most it is."""
ROWS = 11
"""Of `Sketch.codes`: mask; mean, its standard deviation, least and most; structure; spread; most"""


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a gallery keeps of the blocks of a volume.

    Attributes
    ----------
    origin : (3,) int64
        First block.
    codes : (11, s, a, r) uint8
        Mask, a bit a voxel. Of the local mean: its mean, standard deviation, least and most. The
        four-vector of structure, plus 127. Its spread; the most it is.
    deviation : (s, a, r) uint16
        Root of the mean variance; the codes of structure are shares of it.
    """

    origin: NDArray[np.int64]
    codes: NDArray[np.uint8]
    deviation: NDArray[np.uint16]


def sketch_of(statistics: BlockStatistics) -> Sketch:
    """Round the mean and structure to the nearest step, and what limits them outwards.

    Parameters
    ----------
    statistics : BlockStatistics
        Of a volume in [-1, 1], so that no code overflows.
    """
    values = statistics.values.astype(np.float64)
    assert len(values) == FIELDS
    deviation = np.ceil(DEVIATION_STEPS * np.sqrt(values[SQUARES]))
    share = np.maximum(deviation, 1) / DEVIATION_STEPS
    rows: list[NDArray[Any]] = [
        statistics.mask,
        np.rint(MEAN_STEPS * values[MEAN]),
        np.ceil(SD_STEPS * values[MEAN_SD]),
        np.floor(MEAN_STEPS * values[LEAST]),
        np.ceil(MEAN_STEPS * values[MOST]),
        *(SLOPE_STEPS + np.rint(SLOPE_STEPS * values[STRUCTURE : STRUCTURE + 4] / share)),
        np.ceil(SPREAD_STEPS * values[SPREAD] / share),
        np.ceil(MOST_STEPS * np.sqrt(values[MOST_SQUARES]) / share),
    ]
    codes = np.clip(np.stack(rows), 0, 255).astype(np.uint8)
    return Sketch(statistics.origin, codes, np.minimum(deviation, 65535).astype(np.uint16))
