"""The loss of the first stage: Eq. 5 of [1]_ and Eq. 3 of [2]_ (see `recipe`)."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.gradient_loss import gradient_loss
from napari_tumor_synth.training.losses import (
    adversarial_loss,
    classification_loss,
    feature_matching_loss,
    l1_loss,
)
from napari_tumor_synth.training.perceptual import DrawnSlices, PerceptualLoss, make_perceptual_loss
from napari_tumor_synth.training.vqgan.adversarial_weight import (
    AdversarialStrength,
    adaptive_weight,
)
from napari_tumor_synth.training.vqgan.critic import Critic
from napari_tumor_synth.training.vqgan.module import AutoencoderOutput
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining


class AutoencoderLoss:
    """All terms of the loss, and their weighted sum.

    Parameters
    ----------
    settings : AutoencoderTraining
        Terms of weight 0 are left out.
    perceptual : PerceptualLoss, optional
    critic : Critic, optional
    last_layer : Tensor
        Weight of the decoder's last convolution, for the adaptive weight.
    scaler : torch.amp.GradScaler, optional
        Of float16.
    """

    def __init__(
        self,
        settings: AutoencoderTraining,
        perceptual: PerceptualLoss | None,
        critic: Critic | None,
        last_layer: Tensor,
        scaler: Any = None,
    ) -> None:
        self.settings, self.perceptual, self.critic = settings, perceptual, critic
        self.last_layer, self.scaler = last_layer, scaler

    def draw_slices(
        self, images: Tensor, generator: torch.Generator, first: int, whole: int
    ) -> DrawnSlices | None:
        """Choose what the perceptual term compares, for all parts of a batch; see its `draw`."""
        if self.perceptual is None:
            return None
        foreground = (images > BACKGROUND).any(dim=1, keepdim=True)
        return self.perceptual.draw(images, generator, foreground, first=first, whole=whole)

    def terms(
        self,
        images: Tensor,
        output: AutoencoderOutput,
        classes: Tensor,
        strength: AdversarialStrength,
        slices: DrawnSlices | None,
    ) -> dict[str, Tensor]:
        """Return float32 scalars by name; ``"loss"`` is what is minimised.

        Parameters
        ----------
        images : Tensor
            (B, C, S, A, R).
        output : AutoencoderOutput
            What became of them.
        classes : Tensor
            (B,) int64.
        strength : AdversarialStrength
            How much the discriminator counts.
        slices : DrawnSlices, optional
            What the perceptual term compares, from `draw_slices`.
        """
        weights, fake = self.settings.losses, output.reconstruction
        terms = {"l1": l1_loss(fake, images, images > BACKGROUND, weights.foreground)}
        if weights.gradient:
            terms["gradient"] = gradient_loss(fake, images)
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(fake, images, drawn=slices)
        if weights.classification and output.logits is not None:
            target = classes.to(output.logits.device)
            terms["classification"] = classification_loss(
                output.logits, target, self.settings.label_smoothing
            )
        terms |= self._judged(images, fake, terms["l1"], strength)
        terms["codebook"] = output.commitment
        return {"loss": self._weighted(terms), **terms}

    def _judged(
        self, images: Tensor, fake: Tensor, l1: Tensor, strength: AdversarialStrength
    ) -> dict[str, Tensor]:
        if self.critic is None or max(strength.adversarial, strength.feature_matching) == 0:
            return {}
        judgement = self.critic.judge(fake, images)
        matching = feature_matching_loss(judgement.fake, judgement.real)
        terms = {"feature_matching": strength.feature_matching * matching}
        if strength.adversarial:
            adversarial = adversarial_loss(judgement.fake[-1])
            weight: Tensor | float = 1.0
            if self.settings.adversarial.weighting == "adaptive":
                scale = self.scaler.get_scale() if self.scaler is not None else 1.0
                weight = adaptive_weight(l1, adversarial, self.last_layer, scale)
            terms["adversarial"] = strength.adversarial * weight * adversarial
        return terms

    def _weighted(self, terms: Mapping[str, Tensor]) -> Tensor:
        weights = self.settings.losses
        main = [
            getattr(weights, name) * value
            for name, value in terms.items()
            if name != "classification"
        ]
        total = weights.reconstruction * torch.stack(main).sum()
        if "classification" in terms:
            total = total + weights.classification * terms["classification"]
        return total


def make_losses(
    settings: AutoencoderTraining, critic: Critic | None, vqgan: Vqgan, fabric: Fabric
) -> AutoencoderLoss:
    """Build the loss of a stage.

    Raises
    ------
    InputError
        The weights of the perceptual backbone cannot be read.
    """
    choice = settings.perceptual
    perceptual = make_perceptual_loss(
        choice.backbone if settings.losses.perceptual else "none",
        choice.slices,
        choice.weights_file,
        choice.distance,
        planes=choice.planes,
        depths=choice.depths,
    )
    if perceptual is not None:
        perceptual.to(fabric.device)
    last_layer: Any = vqgan.decoder[-1]
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    return AutoencoderLoss(settings, perceptual, critic, last_layer.weight, scaler)
