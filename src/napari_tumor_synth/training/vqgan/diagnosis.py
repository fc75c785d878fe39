"""Which stage limits a trained 3D-VQGAN: the autoencoder, its codes, or the transformer."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.imaging.mask_rule import foreground_of
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.review import Review, review_autoencoder
from napari_tumor_synth.training.vqgan.samples import decoded_sample, sampled_tokens
from napari_tumor_synth.training.vqgan.tokens import TokenSet
from napari_tumor_synth.training.vqgan.transformer import TransformerStage

_SAMPLES = 16


@dataclass(frozen=True)
class Diagnosis:
    """Figures of all stages beside each other.

    Attributes
    ----------
    ceiling_psnr_db, ceiling_ssim : float
        Foreground PSNR (range 2) and 3D-SSIM of reconstructed held-out ROIs: no sample can be
        sharper.
    coded_psnr_db, uncoded_psnr_db : float
        The same PSNR with the decoder of the first stage, with codes and without: what codes cost.
    chance_nats, frequency_nats : float
        Nats for the codes of a position, for a model that knows nothing, and for one that knows how
        frequent each code is.
    held_out_nats, training_nats : float
        What the transformer needs, given the true codes before (teacher-forced).
    own_nats : float
        What it needs for its own samples (free-running). In a model of the truth, as much as for
        held-out ROIs.
    code_divergence : float
        Jensen-Shannon divergence in [0, 1] between codes of samples and of held-out ROIs.
    code_divergence_of_real : float
        The same between as many training ROIs and held-out ones: what chance alone makes.
    sample_ml, held_out_ml : float
        Median volume of the tumours of samples and of held-out ROIs, in ml.
    samples : int
        Samples that were drawn.
    parallel : bool
        Whether the transformer is bidirectional.
    """

    ceiling_psnr_db: float
    ceiling_ssim: float
    coded_psnr_db: float
    uncoded_psnr_db: float
    chance_nats: float
    frequency_nats: float
    held_out_nats: float
    training_nats: float
    own_nats: float
    code_divergence: float
    code_divergence_of_real: float
    sample_ml: float
    held_out_ml: float
    samples: int
    parallel: bool = False

    @property
    def gap(self) -> float:
        """Teacher-forced minus free-running nats a position."""
        return self.held_out_nats - self.own_nats

    def sentences(self) -> list[str]:
        """Say what the figures mean."""
        return [
            f"Reconstruction ceiling: foreground PSNR {self.ceiling_psnr_db:.1f} dB, 3D-SSIM "
            f"{self.ceiling_ssim:.2f}; no sample can be sharper. The same decoder without codes: "
            f"{self.uncoded_psnr_db - self.coded_psnr_db:+.1f} dB.",
            f"Tokens: {self.held_out_nats:.2f} nats a position for held-out ROIs, "
            f"{self.training_nats:.2f} for training ones; code frequencies alone need "
            f"{self.frequency_nats:.2f}, guessing {self.chance_nats:.2f}.",
            f"Teacher-forced against free-running: {self.held_out_nats:.2f} and "
            f"{self.own_nats:.2f} nats a position, a gap of {self.gap:+.2f}. "
            + (
                "Parallel decoding is no free run, so the gap says little."
                if self.parallel
                else "Samples are more alike than real ROIs."
                if self.gap > 0.1 * self.held_out_nats
                else "Samples are less predictable than real ROIs: errors add up."
                if self.gap < -0.1 * self.held_out_nats
                else "Samples are as predictable as real ROIs."
            ),
            f"Codes of samples differ from those of held-out ROIs by {self.code_divergence:.2f} "
            f"(0 equal, 1 disjoint); training ROIs do by {self.code_divergence_of_real:.2f}.",
            f"Tumours of samples have a median volume of {self.sample_ml:.1f} ml, those of "
            f"held-out ROIs {self.held_out_ml:.1f} ml.",
        ]

    def noted(self) -> dict[str, Any]:
        """Return figures and sentences as JSON types."""
        return {"figures": {**asdict(self), "gap": self.gap}, "sentences": self.sentences()}


def diagnose(
    first: AutoencoderStage, last: AutoencoderStage, transformer: TransformerStage
) -> Diagnosis:
    """Measure all stages on held-out ROIs.

    Parameters
    ----------
    first, last : AutoencoderStage
        Whose codes are learnt, and whose decoder is used.
    transformer : TransformerStage
        Its tokens are those of `first`.
    """
    held_out, known = transformer.held_out(_SAMPLES), transformer.known(_SAMPLES)
    own = sampled_tokens(
        transformer.recipe,
        transformer.classes,
        transformer.learnt,
        held_out.classes.tolist(),
    )
    own = replace(own, scores=held_out.scores)
    ceiling = _reviewed(last)
    coded = ceiling if first is last else _reviewed(first)
    uncoded = _reviewed(first, quantised=False)
    recipe, codes = transformer.recipe, transformer.recipe.transformer.codes
    samples = [decoded_sample(recipe, last.learnt.eval(), tokens) for tokens in own.tokens]
    return Diagnosis(
        ceiling_psnr_db=ceiling.figures["validation foreground psnr"],
        ceiling_ssim=ceiling.figures["validation foreground ssim"],
        coded_psnr_db=coded.figures["validation foreground psnr"],
        uncoded_psnr_db=uncoded.figures["validation foreground psnr"],
        chance_nats=transformer.chance,
        frequency_nats=frequency_nats(transformer.training, held_out, codes),
        held_out_nats=transformer.nats_a_position(held_out),
        training_nats=transformer.nats_a_position(known),
        own_nats=transformer.nats_a_position(own),
        code_divergence=code_divergence(own, held_out, codes),
        code_divergence_of_real=code_divergence(known, held_out, codes),
        sample_ml=_median_ml(samples, recipe.spacing_mm),
        held_out_ml=_median_ml(ceiling.originals, recipe.spacing_mm),
        samples=len(own),
        parallel=not transformer.recipe.transformer.causal,
    )


def _reviewed(stage: AutoencoderStage, *, quantised: bool = True) -> Review:
    vqgan = stage.learnt.eval().vqgan
    return review_autoencoder(
        vqgan, stage.source, stage.validation, stage.fabric, quantised=quantised
    )


def frequency_nats(known: TokenSet, held_out: TokenSet, codes: int) -> float:
    """Return the cross-entropy of held-out codes under the frequencies of known ones, a position.

    Every code is counted once more than it was seen, so that none is impossible.
    """
    counts = _counts(known, codes) + 1.0
    needed = -(counts / counts.sum(1, keepdim=True)).log()
    seen = _counts(held_out, codes)
    return float((seen * needed).sum() / seen[0].sum())


def code_divergence(one: TokenSet, other: TokenSet, codes: int) -> float:
    """Return the Jensen-Shannon divergence of code frequencies, base 2, mean over levels."""
    p, q = (
        counts / counts.sum(1, keepdim=True)
        for counts in (_counts(one, codes), _counts(other, codes))
    )
    middle = (p + q) / 2
    nats = _entropy(middle) - (_entropy(p) + _entropy(q)) / 2
    return float((nats / math.log(2)).mean().clamp(0.0, 1.0))


def _median_ml(rois: Sequence[NDArray[np.float32]], spacing_mm: float) -> float:
    voxels = [np.count_nonzero(foreground_of(roi)) for roi in rois]
    return float(np.median(voxels) * spacing_mm**3 / 1000)


def _entropy(shares: Tensor) -> Tensor:
    nats: Tensor = torch.special.entr(shares).sum(1)
    return nats


def _counts(known: TokenSet, codes: int) -> Tensor:
    """Return how often each code occurs, (levels, codes)."""
    by_level = known.tokens.flatten(0, 1).T
    return torch.stack([torch.bincount(level, minlength=codes) for level in by_level]).double()
