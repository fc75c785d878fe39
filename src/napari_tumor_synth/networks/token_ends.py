"""What surrounds the blocks of a token transformer: codes to vectors, and vectors to logits."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.depth_head import DepthHead
from napari_tumor_synth.networks.positions import make_positions
from napari_tumor_synth.networks.transformer_settings import TransformerSettings


class TokenEnds(nn.Module):
    """Embeddings and heads of a transformer over tokens.

    Parameters
    ----------
    settings : TransformerSettings
        Shape of the network.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.width
        self.code_embedding = nn.Embedding(settings.levels * settings.codes, width)
        specials = settings.classes + settings.has_mask_token  # classes first, then [MASK]
        self.special_embedding = nn.Embedding(specials, width) if specials else None
        self.positions = make_positions(settings)
        self.blocks = nn.ModuleList(self._make_blocks())
        self.final_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, settings.codes, bias=False)
        self.depth_heads = nn.ModuleList(
            DepthHead(width, settings.codes) for _ in range(settings.levels - 1)
        )

    def _make_blocks(self) -> Sequence[nn.Module]:
        return ()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.head.weight.device

    def logits(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """Return logits (B, n, levels, codes), level r given the true lower levels of its position.

        Parameters
        ----------
        hidden : Tensor
            (B, n, width), from `forward`.
        tokens : Tensor
            (B, n, levels), uncorrupted.
        """
        levels = range(self.settings.levels)
        return torch.stack([self.level_logits(hidden, tokens[..., :r]) for r in levels], dim=-2)

    def level_logits(self, hidden: Tensor, chosen: Tensor) -> Tensor:
        """Return logits (..., codes) of the next level.

        Parameters
        ----------
        hidden : Tensor
            (..., width), from `forward` or `step`.
        chosen : Tensor
            (..., r) int64: codes already chosen for levels 0 to r - 1 of the same positions.
        """
        level = chosen.shape[-1]
        if level == 0:
            first: Tensor = self.head(hidden)
            return first
        logits: Tensor = self.depth_heads[level - 1](hidden, self._summed_levels(chosen))
        return logits

    def _positions(self) -> Tensor:
        vectors: Tensor = self.positions()
        return vectors

    def _embedded(self, tokens: Tensor, masked: Tensor | None = None) -> Tensor:
        x = self._summed_levels(tokens)
        if masked is None:
            return x
        if self.special_embedding is None:
            raise InputError(
                "An unconditional causal model has no [MASK] token.",
                "Mask with random codes, or make the model conditional or bidirectional.",
            )
        return torch.where(masked.unsqueeze(-1), self.special_embedding.weight[-1].to(x.dtype), x)

    def _summed_levels(self, tokens: Tensor) -> Tensor:
        if tokens.shape[-1] > 1:
            levels = torch.arange(tokens.shape[-1], device=tokens.device)
            tokens = tokens + self.settings.codes * levels
        summed: Tensor = self.code_embedding(tokens).sum(-2)
        return summed

    def _embedded_start(self, start: Tensor | None) -> Tensor:
        if start is None:
            raise InputError(
                "The transformer needs a start token.", "Give classes or code indices."
            )
        if self.settings.classes and self.special_embedding is not None:
            embedded: Tensor = self.special_embedding(start)
        else:
            embedded = self.code_embedding(start)
        return embedded
