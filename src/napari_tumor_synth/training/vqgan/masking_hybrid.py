"""Temporal-agnostic hybrid masking: important tokens in blocks, unimportant ones by random codes.

This is the scheme of the paper; `masking_released` is what the authors' code does instead.

.. [1] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.training.vqgan.masking import Corruption, random_keys, ranks, share_of


def hybrid_mask(
    scores: Tensor,
    grid: tuple[int, int, int],
    generator: torch.Generator,
    *,
    ratio: float = 0.5,
    top_k: float = 0.25,
    sided: Literal["single", "double"] = "single",
) -> Corruption:
    """Mask important tokens in blocks and corrupt unimportant ones ([1]_ section 2.1).

    ``N = ratio * length`` positions (rounded half up) split into ``N1 = N // 2`` for [MASK] and
    ``N2 = N - N1`` for random codes.

    * Important positions are the ``top_k * length`` (rounded half up) with the highest scores.
      ``ceil(N1 / 2)`` seeds (``ceil(N1 / 3)`` when double-sided, [1]_ appendix B.2) are drawn
      uniformly from them. Each also masks a neighbour: a coin decides between the row
      (same s and a, next or previous r) and the depth (same a and r, next or previous s), a
      second coin between next and previous, and at the end of a row or of the slabs the only
      neighbour there is is taken. Double-sided seeds mask both neighbours of the chosen axis.
    * Where neighbours coincide, more seeds are drawn, until exactly N1 positions are masked. A
      seed that is masked already, as a neighbour, still masks its own neighbour.
    * N2 positions are drawn uniformly from those that are neither important nor masked.
    * N always holds. When the important positions are used up before N1 is reached, the rest is
      added to N2, so that ``top_k = 0`` is random masking ([1]_ appendix B.1). When
      unimportant positions are used up before N2 is reached, the rest is drawn uniformly from
      the important positions that are not masked.

    Parameters
    ----------
    scores : torch.Tensor
        ``(B, L)`` importance of each position. Of equal scores the earlier position ranks higher.
    grid : tuple of int
        Token grid ``(s, a, r)``; slabs are counted along s.
    generator : torch.Generator
        Where all choices are drawn from.
    ratio : float
        alpha, share of the positions, in [0, 1].
    top_k : float
        k, share of the positions that counts as important, in [0, 1].
    sided : {"single", "double"}
        Neighbours masked with each seed.

    Raises
    ------
    InputError
        `ratio` or `top_k` is not a share, or `scores` does not fit the grid.
    """
    batch, length = require_scores(scores, grid)
    total = share_of(length, ratio, "mask ratio")
    important = share_of(length, top_k, "top-k share")

    scores = scores.detach().to(generator.device)
    ranking = scores.argsort(dim=1, descending=True, stable=True)
    shuffled = random_keys(batch, important, generator).argsort(dim=1)
    seeds = ranking[:, :important].gather(1, shuffled)
    neighbours = _neighbours(seeds, grid, sided, generator)
    masked = _first_distinct(seeds, neighbours, total // 2, length)

    is_important = ranking.argsort(dim=1) < important
    preference = random_keys(batch, length, generator) + is_important + 2.0 * masked
    missing = total - masked.sum(dim=1, keepdim=True)
    return Corruption(mask_token=masked, random_code=ranks(preference) < missing)


def require_scores(scores: Tensor, grid: tuple[int, int, int]) -> tuple[int, int]:
    """Return batch and length of scores ``(B, L)``, or refuse those that do not fit the grid.

    Raises
    ------
    InputError
        There is not one score a position.
    """
    length = math.prod(grid)
    if scores.ndim != 2 or scores.shape[1] != length:
        raise InputError(
            f"Importance scores of shape {tuple(scores.shape)} do not fit a token grid of {grid}.",
            f"Give one row of {length} scores for each sample.",
        )
    return scores.shape[0], length


def _neighbours(
    positions: Tensor,
    grid: tuple[int, int, int],
    sided: Literal["single", "double"],
    generator: torch.Generator,
) -> Tensor:
    """Return the neighbours ``(B, T, 1 or 2)`` of raster positions ``(B, T)``.

    Where there is no such neighbour the position itself stands in its place.
    """
    slabs, _, row = grid
    slab = math.prod(grid[1:])
    coins = torch.randint(2, (2, *positions.shape), generator=generator, device=generator.device)
    along_depth, forwards = coins.bool()
    if slabs == 1:
        along_depth = torch.zeros_like(along_depth)
    elif row == 1:
        along_depth = torch.ones_like(along_depth)

    index = torch.where(along_depth, positions // slab, positions % row)
    last = torch.where(along_depth, slabs - 1, row - 1)
    stride = torch.where(along_depth, slab, 1)
    following = torch.where(index < last, positions + stride, positions)
    previous = torch.where(index > 0, positions - stride, positions)
    if sided == "double":  # in random order, since the last block may have room for one of them
        pair = torch.stack([following, previous], dim=2)
        return torch.where(forwards[..., None], pair, pair.flip(2))
    take_following = torch.where(forwards, index < last, index == 0)
    return torch.where(take_following, following, previous)[..., None]


def _first_distinct(seeds: Tensor, neighbours: Tensor, count: int, length: int) -> Tensor:
    """Mark the first `count` distinct positions ``(B, L)`` in the order in which they are due.

    First the seeds that the paper asks for, then the neighbours of each, then one more seed with
    its neighbours at a time.
    """
    batch, available = seeds.shape
    each = 1 + neighbours.shape[2]
    asked = min(math.ceil(count / each), available)
    blocks = torch.cat([seeds[..., None], neighbours], dim=2)
    due = torch.cat(
        [
            seeds[:, :asked],
            neighbours[:, :asked].reshape(batch, -1),
            blocks[:, asked:].reshape(batch, -1),
        ],
        dim=1,
    )
    never = due.shape[1]
    turn = torch.arange(never, device=due.device).expand(batch, -1)
    first = torch.full((batch, length), never, device=due.device)
    first = first.scatter_reduce(1, due, turn, "amin")
    return (first < never) & (ranks(first) < count)
