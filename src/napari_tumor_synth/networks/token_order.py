"""Raster order: a grid of codes as a sequence of tokens (Zhou23 section 3.1, Zhou24 2.1)."""

import math

from torch import Tensor

from napari_tumor_synth.errors import InputError


def to_tokens(codes: Tensor) -> Tensor:
    """Return tokens (B, s*a*r, levels) of codes (B, levels, s, a, r).

    The scan runs along r fastest and s slowest: left to right, posterior to anterior, slab by slab
    from inferior to superior.
    """
    return codes.flatten(2).transpose(1, 2)


def to_codes(tokens: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return codes (B, levels, s, a, r) of tokens (B, s*a*r, levels).

    Raises
    ------
    InputError
        If the number of tokens is not that of the grid.
    """
    batch, length, levels = tokens.shape
    if length != math.prod(grid):
        raise InputError(
            f"{length} tokens do not fill a grid of {' x '.join(map(str, grid))}.",
            "Use the grid that the tokens were made for.",
        )
    return tokens.transpose(1, 2).reshape(batch, levels, *grid)
