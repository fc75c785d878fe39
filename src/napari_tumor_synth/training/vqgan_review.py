"""What held-out ROIs look like after the autoencoder, in figures and in a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.fidelity import measure_fidelity
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.mask_rule import MASK_THRESHOLD, foreground_of
from napari_tumor_synth.networks.code_usage import CodeUsage
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.data import RoiSource

Images = list[NDArray[np.float32]]

_SHEET_ROIS = 4


def review_autoencoder(
    vqgan: Vqgan, source: RoiSource, rois: Sequence[int], fabric: Fabric
) -> tuple[dict[str, float], Images, Images]:
    """Reconstruct whole ROIs.

    Returns
    -------
    figures : dict of str to float
        Mean PSNR and 3D-SSIM, and usage and perplexity of each codebook over these ROIs.
    originals, reconstructions : list of array
        ``(C, S, A, R)`` each.
    """
    starting = not bool(vqgan.quantiser.initialised)  # no codebook yet: judge the latent itself
    usage = CodeUsage(vqgan.settings.codes, vqgan.settings.levels)
    originals: Images = []
    reconstructions: Images = []
    for roi in rois:
        image = source.load(roi)
        batch = torch.from_numpy(image)[None].to(fabric.device)
        with torch.no_grad(), fabric.autocast():
            latent = vqgan.encode(batch.to(memory_format=torch.channels_last_3d))
            if starting:
                decoded = vqgan.decode(latent)
            else:
                quantised = vqgan.quantise(latent)
                usage.add(quantised.codes)
                decoded = vqgan.decode(quantised.vectors)
        originals.append(image)
        reconstructions.append(decoded[0].float().cpu().numpy())
    measured = [
        measure_fidelity(mine, theirs, foreground_of(mine, MASK_THRESHOLD), foreground_of(theirs))
        for mine, theirs in zip(reconstructions, originals, strict=True)
    ]
    figures = {
        "validation psnr": float(np.mean([f.psnr_db for f in measured])),
        "validation foreground psnr": float(np.mean([f.foreground_psnr_db for f in measured])),
        "validation foreground ssim": float(np.mean([f.foreground_ssim for f in measured])),
    }
    for level, (used, spread) in enumerate(zip(usage.usage(), usage.perplexity(), strict=True), 1):
        figures |= {f"usage {level}": used, f"perplexity {level}": spread}
    return figures, originals, reconstructions


def draw_reconstructions(
    originals: Images, reconstructions: Images, spacing_mm: float, path: Path, title: str
) -> None:
    """Draw the first few ROIs above their reconstructions."""
    rows = [
        (
            label,
            [
                SheetItem(image[0], f"ROI {number}", (spacing_mm,) * 3)
                for number, image in enumerate(images[:_SHEET_ROIS])
            ],
        )
        for label, images in (("held out", originals), ("reconstructed", reconstructions))
    ]
    contact_sheet(rows, path, title=title)
