"""First stage of a 3D-VQGAN: the autoencoder, its codebook and, late, its discriminator.

The losses are Eq. 5 of [1]_ and Eq. 3 of [2]_ (see `vqgan_recipe`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.networks.discriminator import PatchDiscriminator
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.training.data import BatchSampler, RoiSource
from napari_tumor_synth.training.engine import step_generator
from napari_tumor_synth.training.gradient_loss import gradient_loss
from napari_tumor_synth.training.losses import (
    adversarial_loss,
    feature_matching_loss,
    hinge_discriminator_loss,
    l1_loss,
    ramp,
)
from napari_tumor_synth.training.perceptual import make_perceptual_loss
from napari_tumor_synth.training.safe_step import RunningStatistics, take_step
from napari_tumor_synth.training.schedule import cosine_rate, phase_at, set_rate, total_steps
from napari_tumor_synth.training.vqgan_module import AutoencoderModule
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe
from napari_tumor_synth.training.vqgan_review import draw_reconstructions, review_autoencoder
from napari_tumor_synth.training.vqgan_stage_settings import AutoencoderTraining


class AutoencoderStage:
    """Trains the autoencoder; drives the engine's loop.

    Parameters
    ----------
    recipe : VqganRecipe
        What to train and how.
    source : RoiSource
        ROIs.
    training, validation : sequence of int
        Which ROIs to learn from, and which to measure on.
    classes : int
        Number of classes.
    fabric : Fabric
        Device and precision.
    sheets : Path
        Folder for pictures of reconstructions.
    """

    name = "autoencoder"
    first_stream = 0  # of the samplers' random numbers, one a phase

    def __init__(
        self,
        recipe: VqganRecipe,
        source: RoiSource,
        training: Sequence[int],
        validation: Sequence[int],
        classes: int,
        fabric: Fabric,
        sheets: Path,
    ) -> None:
        self.recipe, self.settings = recipe, self.settings_in(recipe)
        self.source, self.sheets, self.classes = source, sheets, classes
        self.training, self.validation = list(training), list(validation)
        self.rois = len(training)
        self.total_steps = total_steps(self.settings.phases, self.rois)
        self.samplers = [
            BatchSampler(
                source, training, (recipe.seed, self.first_stream + number), mirror=recipe.mirror
            )
            for number in range(len(self.settings.phases))
        ]
        self.fabric = fabric
        torch.manual_seed(recipe.seed)
        module = channels_last(AutoencoderModule(recipe, classes))
        self.bare = module
        self.module, self.optimiser = fabric.setup(module, self._adam(module))
        self.discriminator: Any = None
        judged = self.settings.losses.adversarial > 0 or self.settings.losses.feature_matching > 0
        if recipe.discriminator is not None and judged:
            critic = channels_last(PatchDiscriminator(recipe.discriminator))
            self.discriminator, self.critic_optimiser = fabric.setup(critic, self._adam(critic))
        choice = self.settings.perceptual
        backbone = choice.backbone if self.settings.losses.perceptual else "none"
        perceptual = make_perceptual_loss(
            backbone, choice.slices, choice.weights_file, choice.distance
        )
        self.perceptual = perceptual.to(fabric.device) if perceptual is not None else None

    @staticmethod
    def settings_in(recipe: VqganRecipe) -> AutoencoderTraining:
        """Return the settings of this stage."""
        return recipe.autoencoder_training

    def set_training(self) -> None:
        """Let the modules that learn know that they do."""
        self.module.train()

    def step(self, index: int) -> Mapping[str, float]:
        """Take one step of the autoencoder, and of the discriminator once it has started."""
        generator = step_generator(self.recipe.seed, self.name, index)
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # for dropout
        number, within = phase_at(index, self.settings.phases, self.rois)
        phase = self.settings.phases[number]
        images, classes = self.samplers[number].batch(within, phase.batch, phase.crop, generator)
        images = images.to(self.fabric.device, memory_format=torch.channels_last_3d)
        self._set_rates(index)
        self.set_training()
        quantised = index >= self.settings.quantiser_start * self.total_steps
        statistics = RunningStatistics(self.module, self.discriminator)
        fake, commitment, logits = self.module(images, generator, quantised)
        terms = self._terms(images, fake, logits, classes, index, generator)
        terms["codebook"] = commitment
        figures = {name: float(value.detach()) for name, value in terms.items()}
        total = self._weighted(terms)
        if not bool(torch.isfinite(total)):
            statistics.restore()
            return {"skipped": 1.0}
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        if not self._update(self.module, self.optimiser):
            statistics.restore()
            return {"skipped": 1.0}
        if self._critic_active(index):
            figures |= self._critic_step(images, fake.detach())
        return {"loss": float(total.detach()), **figures}

    def review(self, index: int) -> Mapping[str, float]:
        """Measure reconstructions of held-out ROIs and draw the first few."""
        self.module.eval()
        figures, originals, reconstructions = review_autoencoder(
            self.bare.vqgan, self.source, self.validation, self.fabric
        )
        sheet = self.sheets / f"{self.name}-{index:09d}.png"
        draw_reconstructions(
            originals, reconstructions, self.recipe.spacing_mm, sheet, self.recipe.name
        )
        return figures

    def state(self) -> dict[str, Any]:
        """Return weights and optimiser states."""
        state = {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
        }
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["critic_optimiser"] = self.critic_optimiser.state_dict()
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.fabric.strategy.precision.load_state_dict(state.get("scaler", {}))
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["discriminator"])
            self.critic_optimiser.load_state_dict(state["critic_optimiser"])

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        settings = self.settings
        return torch.optim.Adam(
            module.parameters(), lr=settings.learning_rate, betas=settings.betas
        )

    def _set_rates(self, index: int) -> None:
        rate = cosine_rate(
            index,
            self.total_steps,
            self.settings.learning_rate,
            final=self.settings.final_learning_rate,
            warm_up=self.settings.warm_up_steps,
        )
        set_rate(self.optimiser, rate)
        if self.discriminator is not None:
            set_rate(self.critic_optimiser, rate)

    def _terms(
        self,
        images: Tensor,
        fake: Tensor,
        logits: Tensor | None,
        classes: Tensor,
        index: int,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        weights = self.settings.losses
        terms = {"l1": l1_loss(fake, images, images > BACKGROUND, weights.foreground)}
        if weights.gradient:
            terms["gradient"] = gradient_loss(fake, images)
        if weights.perceptual and self.perceptual is not None:
            foreground = (images > BACKGROUND).any(dim=1, keepdim=True)
            terms["perceptual"] = self.perceptual(fake, images, generator, foreground)
        if weights.classification and logits is not None:
            target = classes.to(logits.device)
            terms["classification"] = nn.functional.cross_entropy(logits.float(), target)
        strength = self._adversarial_strength(index)
        if strength > 0:
            self.discriminator.requires_grad_(False)
            judged, truth = self.discriminator(fake), self.discriminator(images)
            self.discriminator.requires_grad_(True)
            terms["adversarial"] = strength * adversarial_loss(judged[-1])
            terms["feature_matching"] = strength * feature_matching_loss(judged, truth)
        return terms

    def _weighted(self, terms: Mapping[str, Tensor]) -> Tensor:
        weights = self.settings.losses
        main = sum(
            getattr(weights, name) * value
            for name, value in terms.items()
            if name != "classification"
        )
        total = weights.reconstruction * main
        if "classification" in terms:
            total = total + weights.classification * terms["classification"]
        return torch.as_tensor(total)

    def _critic_active(self, index: int) -> bool:
        start = self.settings.adversarial.start * self.total_steps
        return self.discriminator is not None and index >= start

    def _adversarial_strength(self, index: int) -> float:
        if self.discriminator is None:
            return 0.0
        schedule = self.settings.adversarial
        start = round((schedule.start + schedule.warm_up) * self.total_steps)
        return ramp(index, start, round(schedule.ramp * self.total_steps))

    def _critic_step(self, images: Tensor, fake: Tensor) -> dict[str, float]:
        statistics = RunningStatistics(self.discriminator)
        real, judged = self.discriminator(images)[-1], self.discriminator(fake)[-1]
        loss = hinge_discriminator_loss(real, judged)
        if bool(torch.isfinite(loss)):
            self.critic_optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            self._update(self.discriminator, self.critic_optimiser)
        else:
            statistics.restore()
        return {
            "critic": float(loss.detach()),
            "critic real": float(real.detach().mean()),
            "critic fake": float(judged.detach().mean()),
        }

    def _update(self, module: Any, optimiser: Any) -> bool:
        return take_step(self.fabric, module, optimiser, self.settings.clip_norm)
