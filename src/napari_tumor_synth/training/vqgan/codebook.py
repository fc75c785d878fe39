"""The codebooks of the first stage while they learn, and how a whole epoch uses them."""

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor

from napari_tumor_synth.networks.code_usage import CodeUsage
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.safe_step import RunningStatistics
from napari_tumor_synth.training.vqgan.module import AutoencoderOutput


class CodebookLearning:
    """Starts and moves the codes once a step, and counts what is picked.

    Parameters
    ----------
    vqgan : Vqgan
        Whose quantiser learns.
    fabric : Fabric
        Devices and precision.
    """

    def __init__(self, vqgan: Vqgan, fabric: Fabric) -> None:
        self.vqgan, self.fabric = vqgan, fabric
        self.usage = CodeUsage(vqgan.settings.codes, vqgan.settings.levels)

    def start_once(self, images: Tensor, parts: Sequence[slice], random: torch.Generator) -> None:
        """Put the codes where the latents of the first quantised batch are."""
        if bool(self.vqgan.quantiser.initialised):
            return
        statistics = RunningStatistics(self.vqgan)
        with torch.no_grad(), self.fabric.autocast():
            latents = [self.vqgan.encode(images[part]) for part in parts]
        statistics.restore()
        self.vqgan.quantiser.start(torch.cat(latents), random)

    def learn(self, outputs: Sequence[AutoencoderOutput], random: torch.Generator) -> None:
        """Move the codes toward what a step has quantised, unless the quantiser is frozen."""
        latents = [output.latent for output in outputs if output.latent is not None]
        codes = [output.codes for output in outputs if output.codes is not None]
        for found in codes:
            self.usage.add(found)
        if codes and self.vqgan.quantiser.training:
            self.vqgan.quantiser.learn(torch.cat(latents), torch.cat(codes), random)

    def end_epoch(self) -> dict[str, float]:
        """Return usage and perplexity since the last call, over all processes; {} if none."""
        together = self.usage.over_ranks(self.fabric.device)
        self.usage.reset()
        return together.figures() if bool(together.counts.any()) else {}
