"""Second stage of a 3D-VQGAN: the transformer learns the tokens of the frozen autoencoder.

A causal model that is trained on corrupted inputs and sampled on its own clean outputs meets
inputs in sampling that it rarely saw in training; the papers do so, and `masking = "none"` or a
small `mask_ratio` avoids it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.engine import step_generator
from napari_tumor_synth.training.masking import (
    Corruption,
    corrupt,
    cosine_mask,
    random_code_mask,
)
from napari_tumor_synth.training.masking_hybrid import hybrid_mask
from napari_tumor_synth.training.safe_step import take_step
from napari_tumor_synth.training.schedule import (
    constant_rate,
    cosine_rate,
    phase_at,
    set_rate,
    total_steps,
)
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe
from napari_tumor_synth.training.vqgan_tokens import TokenSet


class TransformerStage:
    """Trains the transformer; drives the engine's loop.

    Parameters
    ----------
    recipe : VqganRecipe
        What to train and how.
    training, validation : TokenSet
        Tokens to learn from, and to measure on.
    fabric : Fabric
        Device and precision.
    """

    name = "transformer"

    def __init__(
        self, recipe: VqganRecipe, training: TokenSet, validation: TokenSet, fabric: Fabric
    ) -> None:
        self.recipe, self.settings = recipe, recipe.token_training
        self.training, self.validation = training, validation
        self.total_steps = total_steps(self.settings.phases, len(training))
        self.fabric = fabric
        self.grid = recipe.autoencoder.latent_shape(recipe.size)
        torch.manual_seed(recipe.seed + 1)
        self.bare = TokenTransformer(recipe.transformer)
        self.module, self.optimiser = fabric.setup(self.bare, self._adamw(self.bare))

    def step(self, index: int) -> Mapping[str, float]:
        """Take one step."""
        generator = step_generator(self.recipe.seed, self.name, index)
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # for dropout
        number, within = phase_at(index, self.settings.phases, len(self.training))
        rows = self._rows(number, within, self.settings.phases[number].batch)
        set_rate(self.optimiser, self._rate(index))
        self.module.train()
        loss = self._loss(
            self.training.tokens[rows],
            self.training.classes[rows],
            self._corruption(rows, generator),
            generator,
        )
        if not bool(torch.isfinite(loss)):
            return {"skipped": 1.0}
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if not take_step(self.fabric, self.module, self.optimiser, self.settings.clip_norm):
            return {"skipped": 1.0}
        return {"loss": float(loss.detach())}

    def review(self, index: int) -> Mapping[str, float]:
        """Measure the cross-entropy of held-out tokens, in nats a position.

        Causal models see clean inputs, as in sampling; bidirectional ones the same masks in every
        review.
        """
        self.module.eval()
        generator = step_generator(self.recipe.seed, "review", 0)
        total = 0.0
        for first in range(0, len(self.validation), 8):
            rows = torch.arange(first, min(first + 8, len(self.validation)))
            tokens, classes = self.validation.tokens[rows], self.validation.classes[rows]
            with torch.no_grad():
                loss = self._loss(
                    tokens, classes, self._review_corruption(len(rows), generator), generator
                )
            total += float(loss) * len(rows) * self.recipe.transformer.levels
        return {"validation nats a position": total / len(self.validation)}

    def state(self) -> dict[str, Any]:
        """Return weights and optimiser state."""
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.fabric.strategy.precision.load_state_dict(state.get("scaler", {}))

    def _loss(
        self, tokens: Tensor, classes: Tensor, corruption: Corruption, generator: torch.Generator
    ) -> Tensor:
        device, codes = self.fabric.device, self.recipe.transformer.codes
        seen, mask_token = corrupt(tokens, corruption, codes, generator)
        start = classes
        if not self.recipe.conditional:  # a random code begins the sequence (2023, section 4.3)
            start = torch.randint(codes, (len(tokens),), generator=generator)
        has_mask = self.recipe.transformer.has_mask_token
        hidden = self.module(
            seen.to(device), start.to(device), mask_token.to(device) if has_mask else None
        )
        targets = tokens.to(device)
        with self.fabric.autocast():
            logits = self.bare.logits(hidden, targets)
        losses = nn.functional.cross_entropy(
            logits.float().flatten(0, 2), targets.flatten(), reduction="none"
        ).view(targets.shape)
        counted = corruption.masked.to(device)
        if self.settings.loss_on == "all" or not bool(counted.any()):
            counted = torch.ones_like(counted)
        return losses[counted].mean()

    def _corruption(self, rows: Tensor, generator: torch.Generator) -> Corruption:
        batch, length = len(rows), self.recipe.transformer.length
        settings = self.settings
        if settings.masking == "cosine":
            return cosine_mask(batch, length, generator)
        if settings.masking == "hybrid":
            return hybrid_mask(
                self.training.scores[rows],
                self.grid,
                generator,
                ratio=settings.mask_ratio,
                top_k=settings.top_k,
                sided=settings.sided,
            )
        ratio = settings.mask_ratio if settings.masking == "random-codes" else 0.0
        return random_code_mask(batch, length, ratio, generator)

    def _review_corruption(self, batch: int, generator: torch.Generator) -> Corruption:
        length = self.recipe.transformer.length
        if self.recipe.transformer.causal:
            return random_code_mask(batch, length, 0.0, generator)
        return cosine_mask(batch, length, generator)

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
