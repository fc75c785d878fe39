"""What held-out ROIs look like after the autoencoder, in figures and in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from napari_tumor_synth.training.runs.previews import write_preview
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe

Images = list[NDArray[np.float32]]

_SHOWN_ROIS = 4


@dataclass(frozen=True, eq=False)
class Review:
    """Held-out ROIs and what the autoencoder makes of them.

    Attributes
    ----------
    figures : dict of str to float
        Mean PSNR and 3D-SSIM, and usage and perplexity of each codebook over these ROIs.
    originals, reconstructions : list of array
        ``(C, S, A, R)`` each.
    """

    figures: dict[str, float]
    originals: Images
    reconstructions: Images


def review_autoencoder(
    vqgan: Vqgan,
    source: RoiSource,
    rois: Sequence[int],
    fabric: Fabric,
    *,
    quantised: bool = True,
) -> Review:
    """Reconstruct whole ROIs; without quantising, as well as the autoencoder could at best."""
    quantised = quantised and bool(vqgan.quantiser.initialised)
    usage = CodeUsage(vqgan.settings.codes, vqgan.settings.levels)
    originals: Images = []
    reconstructions: Images = []
    for roi in rois:
        image = source.load(roi)
        batch = torch.from_numpy(image)[None].to(fabric.device)
        with torch.no_grad(), fabric.autocast():
            latent = vqgan.encode(batch.to(memory_format=torch.channels_last_3d))
            if quantised:
                found = vqgan.quantise(latent)
                usage.add(found.codes)
                latent = found.vectors
            elif vqgan.quantiser.cosine:  # whose decoder knows unit vectors alone
                latent = torch.nn.functional.normalize(latent.float(), dim=1)
            decoded = vqgan.decode(latent)
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
    if quantised:
        figures |= usage.figures("validation ")
    return Review(figures, originals, reconstructions)


def show_reconstructions(
    review: Review, recipe: VqganRecipe, folder: Path, stage: str, step: int
) -> None:
    """Draw the first few ROIs above their reconstructions, in the same planes, and keep them."""
    both = {"held out": review.originals, "reconstructed": review.reconstructions}
    shown = {label: images[:_SHOWN_ROIS] for label, images in both.items()}
    spacing = (recipe.spacing_mm,) * 3
    masks = [foreground_of(image) for image in shown["held out"]]
    rows = [
        (
            label,
            [
                SheetItem(image[0], f"ROI {n}", spacing, mask)
                for n, (image, mask) in enumerate(zip(images, masks, strict=True))
            ],
        )
        for label, images in shown.items()
    ]
    contact_sheet(rows, folder / "sheets" / f"{stage}-{step:09d}.png", title=recipe.name)
    write_preview(folder, "reconstructions", shown, recipe.spacing_mm, f"{stage}, step {step:,}")
