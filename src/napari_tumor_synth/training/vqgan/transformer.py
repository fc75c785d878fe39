"""Second stage of a 3D-VQGAN: the transformer learns the tokens of the frozen autoencoder.

A causal model that is trained on corrupted inputs and sampled on its own clean outputs meets
inputs in sampling that it rarely saw in training; the papers do so, and `masking = "none"` or a
small `mask_ratio` avoids it.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from napari_tumor_synth.networks.recompute import set_recompute
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.micro_batches import own_share, parts_of
from napari_tumor_synth.training.non_finite import NotFinite, require_finite
from napari_tumor_synth.training.random_streams import seed_dropout, step_generator
from napari_tumor_synth.training.safe_step import clear_gradients, load_scaler, take_step
from napari_tumor_synth.training.schedule import (
    constant_rate,
    cosine_rate,
    phase_at,
    set_rate,
    total_steps,
)
from napari_tumor_synth.training.stage import Alarm, StepOutcome
from napari_tumor_synth.training.vqgan.alarms import token_alarms
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.samples import show_samples
from napari_tumor_synth.training.vqgan.token_lessons import Lesson, TokenLessons
from napari_tumor_synth.training.vqgan.tokens import TokenSet
from napari_tumor_synth.training.weight_average import WeightAverage

_REVIEWED = 64


class TransformerStage:
    """Trains the transformer; the engine drives it.

    Parameters
    ----------
    recipe : VqganRecipe
        What to train and how.
    training, validation : TokenSet
        Tokens to learn from, and to measure on.
    fabric : Fabric
        Devices and precision.
    autoencoder : AutoencoderModule
        What made the tokens; decodes samples to look at.
    classes : tuple of str
        Names of the classes.
    folder : Path
        Of the run, for pictures and previews.
    micro_batch : int, optional
        ROIs that go through the network at a time; None takes the whole batch.
    recompute : bool
        Compute activations again in the backward pass.
    """

    name = "transformer"

    def __init__(
        self,
        recipe: VqganRecipe,
        training: TokenSet,
        validation: TokenSet,
        fabric: Fabric,
        autoencoder: AutoencoderModule,
        classes: tuple[str, ...],
        folder: Path,
        *,
        micro_batch: int | None = None,
        recompute: bool = False,
    ) -> None:
        self.recipe, self.settings = recipe, recipe.token_training
        self.training, self.validation = training, validation
        self.autoencoder, self.classes, self.folder = autoencoder, classes, folder
        self.fabric, self.micro_batch = fabric, micro_batch
        self.total_steps = total_steps(self.settings.phases, len(training))
        self.lessons = TokenLessons(recipe)
        torch.manual_seed(recipe.seed + 1)
        self.bare = TokenTransformer(recipe.transformer)
        set_recompute(self.bare, recompute)
        self.module, self.optimiser = fabric.setup(self.bare, self._adamw(self.bare))
        decay = self.settings.ema_decay
        self.average = WeightAverage(self.bare, decay) if decay else None

    @property
    def learnt(self) -> TokenTransformer:
        """What the stage has made so far: the average of the weights, if the recipe wants it."""
        made: TokenTransformer = self.average.module if self.average is not None else self.bare
        return made

    def step(self, index: int) -> StepOutcome:
        """Take one step."""
        random = step_generator(self.recipe.seed, self.name, index)
        seed_dropout(random, self.fabric)
        set_rate(self.optimiser, self._rate(index))
        self.module.train()
        try:
            loss = self._backward(index, random)
            if not take_step(self.fabric, self.module, self.optimiser, self.settings.clip_norm):
                raise NotFinite("the gradient is not finite")
        except NotFinite as problem:
            clear_gradients(self.optimiser)
            return StepOutcome(skipped=str(problem))
        if self.average is not None:
            self.average.update(self.bare)
        return StepOutcome({"loss": loss})

    def review(self, index: int) -> Mapping[str, float]:
        """Measure held-out and known tokens, and draw samples; the first process does."""
        if not self.fabric.is_global_zero:
            return {}
        show_samples(self.recipe, self.classes, self.autoencoder, self.learnt, self.folder, index)
        return {
            "validation nats a position": self.nats_a_position(self.held_out(_REVIEWED)),
            "training nats a position": self.nats_a_position(self.known(_REVIEWED)),
        }

    def known(self, count: int) -> TokenSet:
        """Return tokens of so many training ROIs, of all classes in turn, none mirrored."""
        return self.training.of_all_classes(count, every=1 + self.settings.mirror)

    def held_out(self, count: int) -> TokenSet:
        """Return tokens of so many held-out ROIs, of all classes in turn."""
        return self.validation.of_all_classes(count)

    def nats_a_position(self, known: TokenSet) -> float:
        """Return the cross-entropy of tokens, in nats a position (all levels of it).

        Causal models see clean inputs, as in sampling; bidirectional ones the same masks each time.
        """
        network = self.learnt.eval()
        generator = step_generator(self.recipe.seed, "review", 0)
        total = 0.0
        for first in range(0, len(known), 8):
            rows = torch.arange(first, min(first + 8, len(known)))
            lesson = self.lessons.clean(known, rows, generator)
            with torch.no_grad(), self.fabric.autocast():
                losses = self._losses(network, network, lesson.to(self.fabric.device))
            total += float(losses.mean()) * len(rows) * self.recipe.transformer.levels
        return total / len(known)

    def alarms(self, figures: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong according to these figures."""
        return token_alarms(figures, self.chance)

    @property
    def chance(self) -> float:
        """Nats a position of a model that knows nothing."""
        shape = self.recipe.transformer
        return shape.levels * math.log(shape.codes)

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on."""
        state = {
            "module": self.bare.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.bare.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        load_scaler(self.fabric, state)
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _backward(self, index: int, random: torch.Generator) -> float:
        """Add up the gradients of all parts of the batch, and return the loss."""
        number, within = phase_at(index, self.settings.phases, len(self.training))
        batch = self.settings.phases[number].batch
        rows = self._rows(number, within, batch)
        whole = self.lessons.corrupted(self.training, rows, random)
        everything = int(whole.counted.sum()) * self.recipe.transformer.levels
        processes = self.fabric.world_size
        mine = whole.part(own_share(batch, processes, self.fabric.global_rank))
        parts = parts_of(len(mine), self.micro_batch)
        clear_gradients(self.optimiser)
        total = 0.0
        for count, part in enumerate(parts, start=1):
            with self.fabric.no_backward_sync(self.module, enabled=count < len(parts)):
                lesson = mine.part(part).to(self.fabric.device)
                # gradients are averaged over processes, each of which has its part of the sum
                loss = self._losses(self.module, self.bare, lesson).sum() * processes / everything
                require_finite({"cross-entropy": loss}, self.fabric.device)
                self.fabric.backward(loss)
            total += float(loss.detach())
        return total

    def _losses(self, module: nn.Module, network: TokenTransformer, lesson: Lesson) -> Tensor:
        """Return the cross-entropies (counted positions, levels) of a lesson."""
        hidden = module(lesson.seen, lesson.start, lesson.mask_token)
        with self.fabric.autocast():
            logits = network.logits(hidden, lesson.tokens)
        losses = nn.functional.cross_entropy(
            logits.float().flatten(0, 2), lesson.tokens.flatten(), reduction="none"
        ).view(lesson.tokens.shape)
        return losses[lesson.counted]

    def _rows(self, phase: int, within: int, size: int) -> Tensor:
        """Return the rows of batch `within`; every row comes once an epoch."""
        count = len(self.training)
        positions = range(within * size, (within + 1) * size)
        orders = {
            epoch: torch.randperm(
                count, generator=step_generator(self.recipe.seed, f"order{phase}", epoch)
            )
            for epoch in {position // count for position in positions}
        }
        return torch.stack([orders[p // count][p % count] for p in positions])

    def _rate(self, index: int) -> float:
        settings = self.settings
        if settings.schedule == "constant":
            return constant_rate(index, settings.learning_rate, warm_up=settings.warm_up_steps)
        return cosine_rate(
            index, self.total_steps, settings.learning_rate, warm_up=settings.warm_up_steps
        )

    def _adamw(self, module: nn.Module) -> torch.optim.AdamW:
        decayed = [m.weight for m in module.modules() if isinstance(m, nn.Linear)]
        chosen = {id(weight) for weight in decayed}
        others = [p for p in module.parameters() if id(p) not in chosen]
        groups = [
            {"params": decayed, "weight_decay": self.settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.settings.learning_rate, betas=self.settings.betas)
