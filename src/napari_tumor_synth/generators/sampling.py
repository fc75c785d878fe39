"""Drawing token grids from a transformer: one after the other, or all at once in a few rounds.

Every sample has its own stream of random numbers, and codes are drawn by inverting the cumulative
distribution at a number of that stream. What else is in the batch therefore does not matter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.networks.transformer import TokenTransformer, TransformerSettings
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_CHOICE_TEMPERATURE = 4.5  # of the order in which positions are settled (MaskGIT's released value)


@dataclass(frozen=True, eq=False)
class Streams:
    """Random numbers of each sample of a batch.

    Attributes
    ----------
    generators : tuple of torch.Generator
        One a sample, on the processor, so that devices agree on the numbers.
    """

    generators: tuple[torch.Generator, ...]

    @classmethod
    def of_seeds(cls, seeds: Sequence[int]) -> "Streams":
        """Begin one stream a seed."""
        return cls(tuple(torch.Generator().manual_seed(seed) for seed in seeds))

    def uniform(self, *shape: int) -> Tensor:
        """Return ``(batch, *shape)`` numbers in [0, 1), float64."""
        return torch.stack(
            [torch.rand(*shape, generator=g, dtype=torch.float64) for g in self.generators]
        )


class SteppedModel(Protocol):
    """A causal transformer that takes one position after the other."""

    settings: TransformerSettings

    def new_cache(self, batch: int) -> Any:
        """Return memory for `batch` samples."""

    def step(self, previous: Tensor, cache: Any) -> Tensor:
        """Return hidden states (B, width) of the next position; see `TokenTransformer.step`."""

    def steps(self, start: Tensor | None, tokens: Tensor | None, cache: Any) -> Tensor:
        """Return those of several positions (B, n, width); see `TokenTransformer.steps`."""

    def level_logits(self, hidden: Tensor, chosen: Tensor) -> Tensor:
        """Return logits (..., codes) of the next level; see `TokenEnds.level_logits`."""


def sample_causal(
    model: SteppedModel,
    start: Tensor,
    streams: Streams,
    decoding: DecodingSettings,
    on_progress: OnProgress = ignore_progress,
    *,
    empty_code: int | None = None,
) -> Tensor:
    """Draw tokens in raster order, each given those before it.

    Parameters
    ----------
    model : SteppedModel
        On the device of `start`.
    start : Tensor
        ``(B,)`` class of each sample, or start code of an unconditional model.
    streams : Streams
        Random numbers, one stream a sample.
    decoding : DecodingSettings
        Temperature, top-k and top-p.
    empty_code : int, optional
        First-level code of positions without tumour; see `draw_codes`.

    Returns
    -------
    Tensor
        ``(B, length, levels)`` int64, on the processor.
    """
    length, levels = model.settings.length, model.settings.levels
    numbers = streams.uniform(length, levels)
    tokens = torch.zeros(len(start), length, levels, dtype=torch.long)
    cache = model.new_cache(len(start))
    previous = start
    for position in range(length):
        hidden = model.step(previous, cache)
        tokens[:, position], _ = draw_levels(
            model, hidden, numbers[:, position], decoding, empty_code
        )
        previous = tokens[:, position].to(start.device)
        on_progress(Progress(position + 1, length, "drawing tokens"))
    return tokens


def sample_parallel(
    model: TokenTransformer,
    start: Tensor,
    streams: Streams,
    decoding: DecodingSettings,
    on_progress: OnProgress = ignore_progress,
    *,
    empty_code: int | None = None,
) -> Tensor:
    """Draw all tokens in a few rounds, and keep the most confident of each (MaskGIT, 2022).

    Parameters and result are those of `sample_causal`, for a bidirectional model. In round t of T
    the share ``cos(pi/2 * t/T)`` of the positions stays masked; confidence is the log-probability
    of the drawn codes plus Gumbel noise that fades with the rounds.
    """
    length, levels, rounds = model.settings.length, model.settings.levels, decoding.steps
    tokens = torch.zeros(len(start), length, levels, dtype=torch.long)
    masked = torch.ones(len(start), length, dtype=torch.bool)
    for turn in range(1, rounds + 1):
        hidden = model(tokens.to(start.device), start, masked.to(start.device))
        numbers = streams.uniform(length, levels)
        noise = -torch.log(-torch.log(streams.uniform(length).clamp(1e-12, 1 - 1e-12)))
        drawn, logits = draw_levels(
            model, hidden.flatten(0, 1), numbers.flatten(0, 1), decoding, empty_code
        )
        confidence = _log_probability(drawn, logits)
        tokens = torch.where(masked[..., None], drawn.view_as(tokens), tokens)
        fading = _CHOICE_TEMPERATURE * (1 - turn / rounds)
        confidence = confidence.view_as(masked) + fading * noise
        remaining = math.floor(length * math.cos(math.pi / 2 * turn / rounds))
        masked = least_confident(confidence, masked, remaining)
        on_progress(Progress(turn, rounds, "settling tokens"))
    return tokens


def draw_codes(
    logits: Tensor,
    numbers: Tensor,
    decoding: DecodingSettings,
    empty_code: int | None = None,
) -> Tensor:
    """Draw one code a row.

    Parameters
    ----------
    logits : Tensor
        ``(N, codes)``.
    numbers : Tensor
        ``(N,)`` in [0, 1).
    decoding : DecodingSettings
        Temperature, top-k and top-p.
    empty_code : int, optional
        A code whose probability stays what the model says: the settings choose among the other
        codes. Where most positions are empty, that code is the likeliest almost everywhere, and
        settings that favour likely codes would make tumours small instead of typical.
    """
    logits = logits.double()
    if empty_code is None:
        shares = _kept(logits / decoding.temperature, decoding).softmax(-1)
    else:
        empty = logits.softmax(-1)[:, empty_code, None]
        others = logits.index_fill(-1, torch.tensor(empty_code), -math.inf)
        shares = _kept(others / decoding.temperature, decoding).softmax(-1) * (1 - empty)
        shares[:, empty_code] = empty[:, 0]
    cumulative = shares.cumsum(-1)
    target = numbers[:, None] * cumulative[:, -1:]
    # the first code whose cumulative probability exceeds the number; never one of probability 0
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def _kept(logits: Tensor, decoding: DecodingSettings) -> Tensor:
    if decoding.top_k is not None and decoding.top_k < logits.shape[-1]:
        smallest = logits.topk(decoding.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    if decoding.top_p < 1:
        ordered, order = logits.sort(dim=-1, descending=True, stable=True)
        shares = ordered.softmax(-1)
        before = shares.cumsum(-1) - shares
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(
            -1, order, before >= decoding.top_p
        )
        logits = logits.masked_fill(dropped, -math.inf)
    return logits


def draw_levels(
    model: SteppedModel,
    hidden: Tensor,
    numbers: Tensor,
    decoding: DecodingSettings,
    empty_code: int | None,
    first: Tensor | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Draw all levels ``(N, levels)`` of N positions, given their hidden states.

    Their codes of the first level ``(N,)`` may be known already. A position that is empty on the
    first level is empty on all. Drawn on the processor: not every device has float64. Returned with
    the logits of the levels that were drawn.
    """
    found: list[Tensor] = []
    chosen = torch.empty(len(hidden), 0, dtype=torch.long) if first is None else first[:, None]
    for level in range(chosen.shape[1], model.settings.levels):
        if level and empty_code is not None and bool((chosen[:, 0] == empty_code).all()):
            return chosen[:, :1].expand(-1, model.settings.levels), found
        found.append(model.level_logits(hidden, chosen.to(hidden.device)).cpu())
        spared = empty_code if level == 0 else None
        code = draw_codes(found[-1], numbers[:, level], decoding, spared)
        if level and empty_code is not None:
            code = torch.where(chosen[:, 0] == empty_code, empty_code, code)
        chosen = torch.cat([chosen, code[:, None]], dim=1)
    return chosen, found


def _log_probability(codes: Tensor, logits: Sequence[Tensor]) -> Tensor:
    """Return the log-probability ``(N,)`` float64 of codes ``(N, levels)``, all levels together."""
    return torch.stack(
        [
            one.double().log_softmax(-1).gather(-1, codes[:, level, None])[:, 0]
            for level, one in enumerate(logits)
        ]
    ).sum(0)


def least_confident(confidence: Tensor, masked: Tensor, count: int) -> Tensor:
    """Keep masked the `count` least confident of the masked positions."""
    order = confidence.masked_fill(~masked, math.inf).argsort(dim=-1, stable=True)
    return torch.zeros_like(masked).scatter(-1, order[:, :count], True) & masked
