"""What a transformer is shown of a batch of token sequences, and what it is asked."""

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_tumor_synth.training.vqgan.masking import (
    Corruption,
    corrupt,
    cosine_mask,
    random_code_mask,
)
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.token_masks import chosen_corruption, start_tokens
from napari_tumor_synth.training.vqgan.tokens import TokenSet


@dataclass(frozen=True, eq=False)
class Lesson:
    """Token sequences, corrupted.

    Attributes
    ----------
    tokens : Tensor
        (B, length, levels), the truth.
    seen : Tensor
        (B, length, levels), what the transformer gets.
    mask_token : Tensor, optional
        (B, length) bool, positions that it sees as [MASK]; None for models without it.
    start : Tensor
        (B,), classes or codes.
    counted : Tensor
        (B, length) bool, positions in the loss.
    """

    tokens: Tensor
    seen: Tensor
    mask_token: Tensor | None
    start: Tensor
    counted: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, chosen: slice) -> "Lesson":
        """Return some of the sequences."""
        masks = self.mask_token[chosen] if self.mask_token is not None else None
        return Lesson(
            self.tokens[chosen],
            self.seen[chosen],
            masks,
            self.start[chosen],
            self.counted[chosen],
        )

    def to(self, device: torch.device) -> "Lesson":
        """Return the same on a device."""
        masks = self.mask_token.to(device) if self.mask_token is not None else None
        return Lesson(
            self.tokens.to(device),
            self.seen.to(device),
            masks,
            self.start.to(device),
            self.counted.to(device),
        )


class TokenLessons:
    """Makes lessons by the recipe.

    Parameters
    ----------
    recipe : VqganRecipe
        Says what is corrupted, and what counts.
    """

    def __init__(self, recipe: VqganRecipe) -> None:
        self.recipe, self.settings, self.shape = recipe, recipe.token_training, recipe.transformer
        self.grid = recipe.autoencoder.latent_shape(recipe.size)

    def corrupted(self, known: TokenSet, rows: Tensor, generator: torch.Generator) -> Lesson:
        """Return rows of a token set as the transformer learns them."""
        corruption = chosen_corruption(self.settings, known.scores[rows], self.grid, generator)
        return self._lesson(known, rows, corruption, generator, self.settings.loss_on == "all")

    def clean(self, known: TokenSet, rows: Tensor, generator: torch.Generator) -> Lesson:
        """Return rows as the transformer meets them in sampling.

        Clean, and all positions count; if bidirectional, masked, and the masked ones count.
        """
        batch, length = len(rows), self.shape.length
        if self.shape.causal:
            nothing = random_code_mask(batch, length, 0.0, generator)
            return self._lesson(known, rows, nothing, generator, True)
        return self._lesson(known, rows, cosine_mask(batch, length, generator), generator, False)

    def _lesson(
        self,
        known: TokenSet,
        rows: Tensor,
        corruption: Corruption,
        generator: torch.Generator,
        all_count: bool,
    ) -> Lesson:
        tokens, classes = known.tokens[rows], known.classes[rows]
        seen, mask_token = corrupt(tokens, corruption, self.shape.codes, generator)
        start = start_tokens(
            self.settings, classes, self.shape.codes, self.recipe.conditional, generator
        )
        counted = corruption.masked
        if all_count or not bool(counted.any()):
            counted = torch.ones_like(counted)
        return Lesson(
            tokens, seen, mask_token if self.shape.has_mask_token else None, start, counted
        )
