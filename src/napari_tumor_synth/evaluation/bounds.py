"""An upper bound of the foreground 3D-SSIM of two ROIs, from statistics of blocks of 2^3 voxels.

The bound costs a small part of a comparison, and holds for certain: an ROI whose bound is lower
than scores that are known needs no comparison.

Derivation. Let p and q be the windows of two ROIs around a voxel x, weighted by w, with means m
and n, variances v and u, and covariance c. The index is ``s = l k`` with
``l = (2 m n + C1) / (m^2 + n^2 + C1)`` in (0, 1] and ``k = (2 c + C2) / (v + u + C2)``.

1. *Structure.* The slopes of a window along the three axes, a = (a1, a2, a3), are its products with
   functions that are orthonormal under w, so that ``v = |a|^2 + e^2``. With b and f of the other
   window, Cauchy and Schwarz give ``c <= a b + e f``. With the four-vectors A = (a, e) and
   B = (b, f), whose squared lengths are v and u: ``k <= 1 - |A - B|^2 / (v + u + C2)``.
2. *One voxel.* ``l = 1 - (m - n)^2 / (m^2 + n^2 + C1)``, and where l >= l0,
   ``s <= l - l (1 - k) <= 1 - (m - n)^2 / (m^2 + n^2 + C1) - l0 |A - B|^2 / (v + u + C2)``.
3. *A block.* Let T be its t voxels in the union of both masks. For vectors P and positive D,
   ``sum |P|^2 / D >= |sum P|^2 / sum D`` (Titu's lemma). So the sum of s over T is at most
   ``t (1 - d^2 / (M + C1) - l0 g^2 / (V + C2))`` with d and g the distances of the means over T of
   m and n, of A and B, and M and V the means over T of m^2 + n^2 and of v + u.
4. *Part of a block.* Known are means over all 8 voxels. The mean over t of 8 values with standard
   deviation r is at most ``r sqrt((8 - t) / t)`` from the mean of all, so that d and g are at least
   the distances of those means, less that for each ROI. M and V are at most 8 / t times the means
   over the block, and at most the sums of both maxima.
5. *Luminance.* For m, n >= 0, l falls as m moves away from n. So l0 is its least value at opposite
   ends of the ranges of m and n in the block, and s is at most l at the nearest ends of the ranges.

What a gallery keeps is rounded to bytes so that the bound still holds; see `Sketch`.
"""

from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.block_statistics import BlockStatistics, block_statistics
from napari_tumor_synth.evaluation.bound_kernel import bound_sums
from napari_tumor_synth.evaluation.sketch import Sketch, sketch_of
from napari_tumor_synth.evaluation.ssim import SsimRoi
from napari_tumor_synth.evaluation.ssim_volume import C1, C2

MARGIN = 5e-5
"""Added to bounds: more than float32 changes a bound, or a score that is compared with it."""


@dataclass(frozen=True, eq=False)
class BoundedRoi:
    """An ROI whose score with many others is bounded.

    Attributes
    ----------
    channels : tuple of BlockStatistics
        On the grid of blocks of the whole volume.
    alone : tuple of float
        Sum over the mask of the index with an empty volume, a channel.
    voxels : tuple of int
        Of the mask, a channel.
    """

    channels: tuple[BlockStatistics, ...]
    alone: tuple[float, ...]
    voxels: tuple[int, ...]


def bounded_roi(roi: SsimRoi) -> BoundedRoi:
    """Compute once what bounding the scores of an ROI needs."""
    return BoundedRoi(
        tuple(
            block_statistics(channel.part, roi.definition).spread(roi.shape)
            for channel in roi.channels
        ),
        tuple(channel.foreground_alone for channel in roi.channels),
        tuple(channel.voxels for channel in roi.channels),
    )


def can_be_bounded(roi: SsimRoi) -> bool:
    """Return whether an ROI is in [-1, 1]: otherwise bounds would not hold."""
    return all(
        channel.part.raw.min() >= 0 and channel.part.raw.max() <= 1 for channel in roi.channels
    )


def sketches_of(roi: SsimRoi) -> tuple[Sketch, ...]:
    """Return what a gallery keeps of an ROI for bounds: a sketch a channel.

    Raises
    ------
    InputError
        The ROI leaves [-1, 1], where bounds would not hold.
    """
    if not can_be_bounded(roi):
        raise InputError(
            "The ROI holds intensities outside of [-1, 1].", "Cut the ROI with this program."
        )
    return tuple(
        sketch_of(block_statistics(channel.part, roi.definition)) for channel in roi.channels
    )


def upper_bound(roi: BoundedRoi, sketches: tuple[Sketch, ...]) -> float:
    """Return what the foreground score of an ROI with another does not exceed.

    Parameters
    ----------
    roi : BoundedRoi
    sketches : tuple of Sketch
        Of the other ROI, of the same shape and definition.
    """
    bounds = []
    for channel, alone, voxels, sketch in zip(
        roi.channels, roi.alone, roi.voxels, sketches, strict=True
    ):
        inside, more = bound_sums(
            channel.values,
            channel.mask,
            sketch.origin,
            sketch.codes,
            sketch.deviation,
            np.float32(C1),
            np.float32(C2),
        )
        bounds.append((alone + inside) / (voxels + more))
    return float(np.mean(bounds)) + MARGIN
