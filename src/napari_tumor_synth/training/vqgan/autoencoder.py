"""First stage of a 3D-VQGAN: the autoencoder, its codebook and, late, its discriminator."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.recompute import set_recompute
from napari_tumor_synth.training.data import BatchSampler, RoiSource
from napari_tumor_synth.training.micro_batches import own_share, parts_of
from napari_tumor_synth.training.non_finite import NotFinite, require_finite
from napari_tumor_synth.training.random_streams import item_generator, seed_dropout, step_generator
from napari_tumor_synth.training.safe_step import (
    RunningStatistics,
    clear_gradients,
    load_scaler,
    take_step,
)
from napari_tumor_synth.training.schedule import cosine_rate, phase_at, set_rate, total_steps
from napari_tumor_synth.training.stage import Alarm, StepOutcome
from napari_tumor_synth.training.vqgan.adversarial_weight import AdversarialStrength, strength_at
from napari_tumor_synth.training.vqgan.alarms import autoencoder_alarms
from napari_tumor_synth.training.vqgan.codebook import CodebookLearning
from napari_tumor_synth.training.vqgan.critic import make_critic
from napari_tumor_synth.training.vqgan.losses import make_losses
from napari_tumor_synth.training.vqgan.module import AutoencoderModule, AutoencoderOutput
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.review import review_autoencoder, show_reconstructions
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining, Phase
from napari_tumor_synth.training.weight_average import WeightAverage


class AutoencoderStage:
    """Trains the autoencoder; the engine drives it.

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
        Devices and precision.
    folder : Path
        Of the run, for pictures and previews.
    micro_batch : int, optional
        ROIs that go through the networks at a time; None takes the whole batch.
    recompute : bool
        Compute activations again in the backward pass.
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
        folder: Path,
        *,
        micro_batch: int | None = None,
        recompute: bool = False,
    ) -> None:
        self.recipe, self.settings = recipe, self.settings_in(recipe)
        self.source, self.folder, self.classes = source, folder, classes
        self.training, self.validation = list(training), list(validation)
        self.fabric, self.micro_batch = fabric, micro_batch
        self.rois = len(training)
        self.total_steps = total_steps(self.settings.phases, self.rois)
        self.samplers = [
            BatchSampler(source, training, (recipe.seed, stream), mirror=recipe.mirror)
            for stream in range(self.first_stream, self.first_stream + len(self.settings.phases))
        ]
        torch.manual_seed(recipe.seed)
        self.bare = channels_last(self.make_module())
        set_recompute(self.bare, recompute)
        adam = torch.optim.Adam(
            self.bare.parameters(), lr=self.settings.learning_rate, betas=self.settings.betas
        )
        self.module, self.optimiser = fabric.setup(self.bare, adam)
        decay = self.settings.ema_decay
        self.average = WeightAverage(self.bare, decay) if decay else None
        self.critic = make_critic(recipe.discriminator, self.settings, fabric)
        self.losses = make_losses(self.settings, self.critic, self.bare.vqgan, fabric)
        self.codebook = CodebookLearning(self.bare.vqgan, fabric)

    @staticmethod
    def settings_in(recipe: VqganRecipe) -> AutoencoderTraining:
        """Return the settings of this stage."""
        return recipe.autoencoder_training

    def make_module(self) -> AutoencoderModule:
        """Return what is to be trained."""
        return AutoencoderModule(self.recipe, self.classes)

    @property
    def learnt(self) -> AutoencoderModule:
        """What the stage has made so far: the average of the weights, if the recipe wants it."""
        made: AutoencoderModule = self.average.module if self.average is not None else self.bare
        return made

    def set_training(self) -> None:
        """Let the modules that learn know that they do."""
        self.module.train()

    def step(self, index: int) -> StepOutcome:
        """Take one step of the autoencoder, and of the discriminator once it has started."""
        random = step_generator(self.recipe.seed, self.name, index)
        seed_dropout(random, self.fabric)
        images, classes = self._batch(index)
        parts = parts_of(len(images), self.micro_batch)
        self._set_rates(index)
        self.set_training()
        statistics = RunningStatistics(self.bare, self.critic.network if self.critic else None)
        try:
            outputs, figures = self._backward(index, images, classes, parts, random)
            limit, clipping = self.settings.clip_limit, self.settings.clipping
            if not take_step(self.fabric, self.module, self.optimiser, limit, clipping):
                raise NotFinite("the gradient is not finite")
        except NotFinite as problem:
            statistics.restore()
            clear_gradients(self.optimiser)
            return StepOutcome(skipped=str(problem))
        self.codebook.learn(outputs, random)
        if self.average is not None:
            self.average.update(self.bare)
        if self._ends_epoch(index):
            figures |= self.codebook.end_epoch()
        if self.critic is not None and self._strength(index).critic_learns:
            pairs = [(images[p], o.reconstruction) for p, o in zip(parts, outputs, strict=True)]
            try:
                figures |= self.critic.step(pairs)
            except NotFinite as problem:
                figures["critic skipped"] = 1.0
                return StepOutcome(figures, remark=f"the discriminator skipped it: {problem}")
        return StepOutcome(figures)

    def release(self) -> None:
        """Give back the memory that only learning needs; what was learnt stays."""
        clear_gradients(self.optimiser)
        del self.module, self.optimiser, self.losses, self.critic

    def review(self, index: int) -> Mapping[str, float]:
        """Measure and draw reconstructions of held-out ROIs; the first process does."""
        if not self.fabric.is_global_zero:
            return {}
        self.learnt.eval()
        reviewed = review_autoencoder(self.learnt.vqgan, self.source, self.validation, self.fabric)
        show_reconstructions(reviewed, self.recipe, self.folder, self.name, index)
        return reviewed.figures

    def alarms(self, figures: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong according to these figures."""
        return autoencoder_alarms(figures, self.recipe.autoencoder.codes)

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on."""
        state = {
            "module": self.bare.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
            "usage": self.codebook.usage.counts,
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        if self.critic is not None:
            state["critic"] = self.critic.state()
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.bare.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        load_scaler(self.fabric, state)
        if self.fabric.is_global_zero:  # whose counts they are
            self.codebook.usage.counts = state["usage"].clone()
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.critic is not None:
            self.critic.load_state(state["critic"])

    def _phase(self, index: int) -> Phase:
        return self.settings.phases[phase_at(index, self.settings.phases, self.rois)[0]]

    def _share(self, index: int) -> slice:
        return own_share(self._phase(index).batch, self.fabric.world_size, self.fabric.global_rank)

    def _batch(self, index: int) -> tuple[Tensor, Tensor]:
        number, within = phase_at(index, self.settings.phases, self.rois)
        phase = self._phase(index)

        def random(place: int) -> torch.Generator:
            return item_generator(self.recipe.seed, self.name, index, place)

        images, classes = self.samplers[number].batch(
            within, phase.batch, phase.crop, random, self._share(index)
        )
        return images.to(self.fabric.device, memory_format=torch.channels_last_3d), classes

    def _backward(
        self,
        index: int,
        images: Tensor,
        classes: Tensor,
        parts: Sequence[slice],
        random: torch.Generator,
    ) -> tuple[list[AutoencoderOutput], dict[str, float]]:
        """Add up the gradients of all parts; return what became of them, and the figures."""
        quantised = index >= self.settings.quantiser_start * self.total_steps
        if quantised:
            self.codebook.start_once(images, parts, random)
        whole, first = self._phase(index).batch, self._share(index).start
        slices = self.losses.draw_slices(images, random, first, whole)
        clear_gradients(self.optimiser)
        figures: dict[str, float] = defaultdict(float)
        outputs = []
        for number, part in enumerate(parts, start=1):
            weight = (part.stop - part.start) / len(images)
            seen = slices.of_samples(part.start, part.stop) if slices is not None else None
            with self.fabric.no_backward_sync(self.module, enabled=number < len(parts)):
                output = self.module(images[part], quantised)
                terms = self.losses.terms(
                    images[part], output, classes[part], self._strength(index), seen
                )
                require_finite(terms, self.fabric.device)
                self.fabric.backward(weight * terms["loss"])
            for name, value in terms.items():
                figures[name] += weight * float(value.detach())
            outputs.append(output.without_graph())
        return outputs, dict(figures)

    def _ends_epoch(self, index: int) -> bool:
        _, within = phase_at(index, self.settings.phases, self.rois)
        batch = self._phase(index).batch
        return (within + 1) * batch // self.rois > within * batch // self.rois

    def _strength(self, index: int) -> AdversarialStrength:
        return strength_at(self.settings.adversarial, index, self.total_steps)

    def _set_rates(self, index: int) -> None:
        rate = cosine_rate(
            index,
            self.total_steps,
            self.settings.learning_rate,
            final=self.settings.final_learning_rate,
            warm_up=self.settings.warm_up_steps,
        )
        set_rate(self.optimiser, rate)
        if self.critic is not None:
            self.critic.set_rate(rate)
