"""The transformer over tokens: GPT shape, causal with a cache or bidirectional.

Sources: Zhou23 section 3.1, Zhou24 section 2.1 (class token), Chang et al. 2022 (bidirectional),
Lee et al. 2022 (several codes a position). The papers' code has the shape of minGPT: pre-norm,
GELU, learned absolute positions, biases everywhere but in the head, weights N(0, 0.02).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.kv_cache import KeyValueCache
from napari_tumor_synth.networks.recompute import recomputed
from napari_tumor_synth.networks.token_ends import TokenEnds
from napari_tumor_synth.networks.token_order import to_codes, to_tokens
from napari_tumor_synth.networks.transformer_settings import TransformerSettings

__all__ = ["KeyValueCache", "TokenTransformer", "TransformerSettings", "to_codes", "to_tokens"]


class Block(nn.Module):
    """Attention and feed-forward layer, each with its norm before and its input added after."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        width = settings.width
        self.heads = settings.heads
        self.causal = settings.causal
        self.dropout = settings.dropout
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(settings.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform all positions (B, length, width)."""
        batch, length, width = x.shape
        mixed = self.queries_keys_values(self.attention_norm(x))
        split = mixed.view(batch, length, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        # no dropout of attention weights: on a processor it costs ten times the whole step
        attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=self.causal)
        attended = self.attention_out(attended.transpose(1, 2).reshape(batch, length, width))
        x = x + F.dropout(attended, self.dropout, self.training)
        return x + self.feed_forward(x)  # type: ignore[no-any-return]

    def steps(
        self, x: Tensor, keys: Tensor, values: Tensor, position: int, later: Tensor | None
    ) -> Tensor:
        """Transform some positions (B, n, width), given the cached ones before them.

        `later` (n, position + n) marks what each of them must not see; None if that is nothing.
        """
        query, key, value = self._heads_of(x)
        seen = position + x.shape[1]
        keys[:, :, position:seen] = key
        values[:, :, position:seen] = value
        return self._attended(x, query, keys[:, :, :seen], values[:, :, :seen], later)

    def step_at(self, x: Tensor, keys: Tensor, values: Tensor, at: Tensor, later: Tensor) -> Tensor:
        """Transform one position (B, 1, width), which a tensor (1,) names.

        `later` (length,) marks the positions beyond it. No shape depends on the position.
        """
        query, key, value = self._heads_of(x)
        keys.index_copy_(2, at, key.to(keys.dtype))
        values.index_copy_(2, at, value.to(values.dtype))
        return self._attended(x, query, keys, values, later)

    def _heads_of(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values (B, heads, n, head width) of positions (B, n, width)."""
        batch, count, width = x.shape
        mixed = self.queries_keys_values(self.attention_norm(x))
        split = mixed.view(batch, count, 3, self.heads, width // self.heads)
        heads: tuple[Tensor, ...] = split.permute(2, 0, 3, 1, 4).unbind()
        return heads

    def _attended(
        self, x: Tensor, query: Tensor, keys: Tensor, values: Tensor, later: Tensor | None
    ) -> Tensor:
        # Plain products: the fused kernel rounds by a sample's place in the batch, these do not.
        scaled = query * query.shape[-1] ** -0.5
        scores = (scaled.to(keys.dtype) @ keys.transpose(2, 3)).float()
        if later is not None:
            scores = scores.masked_fill(later, -torch.inf)
        attended = (scores.softmax(-1).to(values.dtype) @ values).transpose(1, 2)
        x = x + self.attention_out(attended.reshape(x.shape).to(x.dtype))
        return x + self.feed_forward(x)  # type: ignore[no-any-return]


class TokenTransformer(TokenEnds):
    """Model the joint distribution of the codes of an ROI.

    Parameters
    ----------
    settings : TransformerSettings
        Shape of the network.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__(settings)
        self.recompute = False
        self.apply(_initialise)

    def _make_blocks(self) -> list[Block]:
        return [Block(self.settings) for _ in range(self.settings.layers)]

    def forward(self, tokens: Tensor, start: Tensor | None, masked: Tensor | None = None) -> Tensor:
        """Return hidden states (B, n, width) from which token i of each position i is predicted.

        Parameters
        ----------
        tokens : Tensor
            (B, n, levels) int64 in [0, codes); n = length, or less in a causal model. A causal
            model sees the start and tokens < i at position i; the last token is never seen. A
            bidirectional model sees all that are not masked.
        start : Tensor
            (B,) int64: class indices in [0, classes), or, in an unconditional causal model, code
            indices in [0, codes) ("a random index from the codebook", Zhou23 section 4.1). Ignored
            by an unconditional bidirectional model.
        masked : Tensor, optional
            (B, n) bool: positions whose codes, all levels, are replaced by [MASK].

        Raises
        ------
        InputError
            If shapes do not fit the settings, or the model has no [MASK] token.
        """
        self._require_fitting(tokens)
        x = self._embedded(tokens, masked)
        if self.settings.start_slot:
            x = torch.cat([self._embedded_start(start).unsqueeze(1), x], dim=1)
        if self.settings.causal:
            x = x[:, :-1]
        x = F.dropout(x + self._positions()[: x.shape[1]], self.settings.dropout, self.training)
        for block in self.blocks:
            x = recomputed(block, x) if self.recompute and torch.is_grad_enabled() else block(x)
        hidden: Tensor = self.final_norm(x[:, -tokens.shape[1] :])
        return hidden

    def new_cache(self, batch: int, dtype: torch.dtype | None = None) -> KeyValueCache:
        """Return an empty cache for `batch` samples, of the weights' type unless given."""
        if not self.settings.causal:
            raise InputError(
                "A bidirectional transformer has no cache.", "Decode it with parallel decoding."
            )
        weight = self.head.weight
        return KeyValueCache.empty(
            layers=self.settings.layers,
            batch=batch,
            heads=self.settings.heads,
            length=self.settings.length,
            head_width=self.settings.width // self.settings.heads,
            positions=self._positions().detach(),
            dtype=dtype or weight.dtype,
        )

    def step(self, previous: Tensor, cache: KeyValueCache) -> Tensor:
        """Return the hidden state (B, width) from which the next token is predicted.

        Parameters
        ----------
        previous : Tensor
            (B,) start indices in the first step, as in `forward`; then (B, levels), the codes
            chosen for the position before.
        cache : KeyValueCache
            From `new_cache`; it moves on by one position.
        """
        if cache.position == 0:
            return self.steps(previous, None, cache)[:, 0]
        return self.steps(None, previous[:, None], cache)[:, 0]

    def steps(self, start: Tensor | None, tokens: Tensor | None, cache: KeyValueCache) -> Tensor:
        """Return the hidden states (B, n, width) that follow the cached positions.

        Parameters
        ----------
        start : Tensor or None
            (B,) start indices, when the cache is empty; else None.
        tokens : Tensor or None
            (B, m, levels), the tokens that come next; n is m, and one more with a start.
        cache : KeyValueCache
            From `new_cache`; it moves on by n positions. Setting its `position` back forgets those
            beyond.
        """
        parts = [] if start is None else [self._embedded_start(start).unsqueeze(1)]
        if tokens is not None:
            parts.append(self._embedded(tokens))
        x = torch.cat(parts, dim=1)
        cache.require_space(x.shape[0], x.shape[1])
        position, count = cache.position, x.shape[1]
        seen = position + count
        x = x + cache.positions[position:seen]
        later = None
        if count > 1:
            later = torch.ones(count, seen, dtype=torch.bool, device=x.device).triu(position + 1)
        for block, (keys, values) in zip(self.blocks, cache.layers, strict=True):
            assert isinstance(block, Block)
            x = block.steps(x, keys, values, position, later)
        cache.position += count
        hidden: Tensor = self.final_norm(x)
        return hidden

    def _require_fitting(self, tokens: Tensor) -> None:
        length, levels = self.settings.length, self.settings.levels
        fits = tokens.ndim == 3 and tokens.shape[2] == levels and 0 < tokens.shape[1] <= length
        if not fits or (tokens.shape[1] < length and not self.settings.causal):
            raise InputError(
                f"The transformer takes (batch, {length}, {levels}) tokens, not "
                f"{tuple(tokens.shape)}.",
                "Use ROIs of the size that the model was trained on.",
            )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
