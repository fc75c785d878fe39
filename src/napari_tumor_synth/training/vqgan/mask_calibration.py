"""Where the mask of a trained decoder ends, so that its tumours are as large as those it learnt.

A decoder blurs the edge of the tumour. A threshold just above the background takes all of the blur
into the mask, and a rim of dark voxels with it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from lightning_fabric import Fabric

from napari_tumor_synth.imaging.mask_rule import (
    HIGHEST_THRESHOLD,
    MASK_THRESHOLD,
    foreground_of,
    mask_of_generated,
)
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.data import RoiSource

_STEP = 0.05


def calibrated_threshold(
    vqgan: Vqgan, source: RoiSource, rois: Sequence[int], fabric: Fabric
) -> float:
    """Return the threshold at which reconstructions have the volume of their ROIs, in the median.

    Parameters
    ----------
    vqgan : Vqgan
        Trained.
    source, rois : RoiSource, sequence of int
        Held-out ROIs; without any, the threshold is that of a decoder that does not blur.

    Returns
    -------
    float
        From -0.95 to -0.3; of equally good ones the lowest.
    """
    candidates = np.arange(MASK_THRESHOLD, HIGHEST_THRESHOLD + _STEP / 2, _STEP).round(4)
    if not rois:
        return MASK_THRESHOLD
    vqgan.eval()
    ratios = np.zeros((len(rois), len(candidates)))
    for row, roi in enumerate(rois):
        image = source.load(roi)
        with torch.no_grad():
            batch = torch.from_numpy(image)[None].to(fabric.device)
            decoded = vqgan(batch).reconstruction[0].float().cpu().numpy()
        voxels = [np.count_nonzero(mask_of_generated(decoded, float(t))) for t in candidates]
        ratios[row] = np.array(voxels) / max(int(np.count_nonzero(foreground_of(image))), 1)
    off = np.abs(np.log(np.maximum(np.median(ratios, axis=0), 1e-9)))
    return float(candidates[off.argmin()])
