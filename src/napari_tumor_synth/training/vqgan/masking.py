"""Which tokens a transformer does not get to see while it learns.

A token grid ``(s, a, r)`` is linearised in raster order to ``length = s * a * r`` positions. Every
scheme marks exactly the same number of positions in each sample and says how each is corrupted.
All random numbers come from the generator passed in, on whose device the work is done.

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Chang et al., MaskGIT: Masked Generative Image Transformer, 2022.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_tumor_synth.errors import InputError


@dataclass(frozen=True, eq=False)
class Corruption:
    """What is done to each position of a batch of token sequences.

    Attributes
    ----------
    mask_token : torch.Tensor
        ``(B, L)`` bool, positions whose token becomes [MASK].
    random_code : torch.Tensor
        ``(B, L)`` bool, positions whose codes become random ones; disjoint from `mask_token`.
    """

    mask_token: Tensor
    random_code: Tensor

    @property
    def masked(self) -> Tensor:
        """``(B, L)`` bool, corrupted positions: those in the loss of Eq. 6 of [1]_."""
        return self.mask_token | self.random_code


def corrupt(
    tokens: Tensor, corruption: Corruption, codes: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Apply a corruption.

    Parameters
    ----------
    tokens : torch.Tensor
        ``(B, L, levels)`` int64, in [0, codes).
    corruption : Corruption
        What to do where.
    codes : int
        Size of the codebook.
    generator : torch.Generator
        Where random codes are drawn from.

    Returns
    -------
    tokens : torch.Tensor
        ``(B, L, levels)``, a copy with random codes at `random_code`. They are uniform over the
        codebook, each level by itself, and hit the original once in `codes` times. Positions to
        become [MASK] keep their codes: the transformer replaces them by its own embedding.
    mask_token : torch.Tensor
        ``(B, L)`` bool, on the device of `tokens`.
    """
    noise = torch.randint(codes, tokens.shape, generator=generator, device=generator.device)
    replaced = corruption.random_code.to(tokens.device)[..., None]
    mixed = torch.where(replaced, noise.to(tokens.device), tokens)
    return mixed, corruption.mask_token.to(tokens.device)


def random_code_mask(
    batch: int, length: int, ratio: float, generator: torch.Generator
) -> Corruption:
    """Choose a share of the positions for random codes ([1]_ section 3.1).

    Parameters
    ----------
    batch, length : int
        Sequences, and positions in each.
    ratio : float
        Share of positions, in [0, 1]; ``ratio * length`` is rounded half up.
    generator : torch.Generator
        Where positions are drawn from, uniformly and without replacement.

    Raises
    ------
    InputError
        `ratio` is not a share.
    """
    count = share_of(length, ratio, "mask ratio")
    chosen = ranks(random_keys(batch, length, generator)) < count
    return Corruption(mask_token=torch.zeros_like(chosen), random_code=chosen)


def cosine_mask(batch: int, length: int, generator: torch.Generator) -> Corruption:
    """Choose [MASK] positions, their share drawn from the cosine schedule of [2]_.

    Each sample draws u uniformly from [0, 1) and masks ``ceil(cos(pi u / 2) * length)`` positions:
    at least one, and sometimes all.
    """
    u = torch.rand(batch, 1, generator=generator, device=generator.device, dtype=torch.float64)
    count = (torch.cos(math.pi / 2 * u) * length).ceil().clamp(1, length)
    chosen = ranks(random_keys(batch, length, generator)) < count
    return Corruption(mask_token=chosen, random_code=torch.zeros_like(chosen))


def share_of(length: int, share: float, name: str) -> int:
    """Return ``share * length`` rounded half up.

    Raises
    ------
    InputError
        `share` is not within [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"The {name} is {share}.", "Choose a number from 0 to 1.")
    return math.floor(share * length + 0.5)


def random_keys(batch: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw keys whose order is a random permutation; in float64 ties are out of the question."""
    return torch.rand(
        batch, count, generator=generator, device=generator.device, dtype=torch.float64
    )


def ranks(keys: Tensor) -> Tensor:
    """Return the rank of each key in its row, from 0 for the smallest; ties by position."""
    return keys.argsort(dim=1, stable=True).argsort(dim=1)
