"""Hybrid masking as the authors' code of [1]_ does it, for comparison with `masking_hybrid`.

Written from a description of that code, not from the code. It differs from the paper in what is
masked and how evenly:

* Draws are weighted by the token's **index**. At the paper's setting a position of the last slab
  becomes [MASK] some four times, and a random code some eight times, as often as one of the
  first; token 0 is never drawn.
* The first and the last token of every slab ("link codes") count as the least important.
* The neighbour in the row is the next in raster order, which at the end of a row is the first of
  the next row (the last two of a slab take the one before); the neighbour in depth is the next
  slab's (the last slab takes the one before). There is no choice between next and previous.
* A drawn token that is the neighbour of another one leaves the list of the drawn. What is then
  missing is filled with the highest-scoring tokens that are not important, always the same ones.
* Unimportant tokens are drawn from all that are not masked, important ones among them.

.. [1] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

import math

import torch
from torch import Tensor

from napari_tumor_synth.training.vqgan.masking import Corruption, random_keys, ranks, share_of
from napari_tumor_synth.training.vqgan.masking_hybrid import require_scores


def released_hybrid_mask(
    scores: Tensor,
    grid: tuple[int, int, int],
    generator: torch.Generator,
    *,
    ratio: float = 0.5,
    top_k: float = 0.25,
) -> Corruption:
    """Choose positions as the module's text says; each drawn token masks one neighbour.

    Parameters
    ----------
    scores : torch.Tensor
        ``(B, L)`` importance of each position.
    grid : tuple of int
        Token grid ``(s, a, r)``; slabs are counted along s.
    generator : torch.Generator
        Where all choices are drawn from.
    ratio, top_k : float
        As in `masking_hybrid.hybrid_mask`.

    Raises
    ------
    InputError
        `ratio` or `top_k` is not a share, or `scores` does not fit the grid.
    """
    batch, length = require_scores(scores, grid)
    total = share_of(length, ratio, "mask ratio")
    important = share_of(length, top_k, "top-k share")
    half = total // 2

    ranking = _without_link_codes(scores.detach().to(generator.device), grid).argsort(
        dim=1, descending=True, stable=True
    )
    candidates = ranking[:, :important]
    order = _weighted_keys(candidates, generator).argsort(dim=1, descending=True)
    drawn = candidates.gather(1, order[:, : half // 2])
    neighbours = _neighbours(drawn, grid, generator)
    nothing = torch.zeros(batch, length, dtype=torch.bool, device=generator.device)
    masked = nothing.scatter(1, drawn, value=True) ^ nothing.scatter(1, neighbours, value=True)
    masked = _filled(masked, ranking, important, half)

    positions = torch.arange(length, device=generator.device).expand(batch, -1)
    keys = _weighted_keys(positions, generator).masked_fill(masked, -torch.inf)
    missing = total - masked.sum(dim=1, keepdim=True)
    random_code = (ranks(-keys) < missing) & ~masked
    return Corruption(mask_token=masked, random_code=random_code)


def _without_link_codes(scores: Tensor, grid: tuple[int, int, int]) -> Tensor:
    slab = math.prod(grid[1:])
    within = torch.arange(scores.shape[1], device=scores.device) % slab
    return scores.masked_fill((within == 0) | (within == slab - 1), -torch.inf)


def _weighted_keys(positions: Tensor, generator: torch.Generator) -> Tensor:
    """Draw keys whose largest are a draw without replacement, weighted by the positions.

    Efraimidis and Spirakis 2006, as logarithms: log(u) / weight; weight 0 comes last.
    """
    batch, count = positions.shape
    noise = random_keys(batch, count, generator)
    keys = noise.log() / positions.double()
    return keys.masked_fill(positions == 0, torch.finfo(keys.dtype).min)


def _neighbours(
    positions: Tensor, grid: tuple[int, int, int], generator: torch.Generator
) -> Tensor:
    slab, length = math.prod(grid[1:]), math.prod(grid)
    in_depth = torch.randint(
        2, positions.shape, generator=generator, device=generator.device, dtype=torch.bool
    )
    deep = torch.where(positions < length - slab, positions + slab, positions - slab)
    beside = torch.where(positions % slab < slab - 2, positions + 1, positions - 1)
    return torch.where(in_depth, deep, beside).clamp(0, length - 1)


def _filled(masked: Tensor, ranking: Tensor, important: int, count: int) -> Tensor:
    """Add the first unimportant positions of the ranking that are free, up to `count` a row."""
    free = ~masked.gather(1, ranking)
    free[:, :important] = False
    missing = count - masked.sum(dim=1, keepdim=True)
    taken = free & (free.cumsum(dim=1) <= missing)
    return masked | torch.zeros_like(masked).scatter(1, ranking, taken)
