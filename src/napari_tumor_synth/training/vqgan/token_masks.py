"""The corruption that the settings of the second stage ask for."""

import torch
from torch import Tensor

from napari_tumor_synth.training.vqgan.masking import Corruption, cosine_mask, random_code_mask
from napari_tumor_synth.training.vqgan.masking_hybrid import hybrid_mask
from napari_tumor_synth.training.vqgan.masking_released import released_hybrid_mask
from napari_tumor_synth.training.vqgan.stage_settings import TokenTraining


def chosen_corruption(
    settings: TokenTraining,
    scores: Tensor,
    grid: tuple[int, int, int],
    generator: torch.Generator,
) -> Corruption:
    """Choose what is done to a batch of token sequences.

    Parameters
    ----------
    settings : TokenTraining
        Which scheme, and its shares.
    scores : torch.Tensor
        ``(B, L)`` importance of each position.
    grid : tuple of int
        Token grid ``(s, a, r)``.
    generator : torch.Generator
        Where all choices are drawn from.
    """
    batch, length = scores.shape
    if settings.masking == "cosine":
        return cosine_mask(batch, length, generator)
    if settings.masking == "hybrid" and settings.mask_selection == "released":
        return released_hybrid_mask(
            scores, grid, generator, ratio=settings.mask_ratio, top_k=settings.top_k
        )
    if settings.masking == "hybrid":
        return hybrid_mask(
            scores,
            grid,
            generator,
            ratio=settings.mask_ratio,
            top_k=settings.top_k,
            sided=settings.sided,
        )
    ratio = settings.mask_ratio if settings.masking == "random-codes" else 0.0
    return random_code_mask(batch, length, ratio, generator)


def start_tokens(
    settings: TokenTraining,
    classes: Tensor,
    codes: int,
    conditional: bool,
    generator: torch.Generator,
) -> Tensor:
    """Return what begins each sequence ``(B,)``: a class, or a code in unconditional models.

    Parameters
    ----------
    settings : TokenTraining
        `start_token` says which code.
    classes : torch.Tensor
        ``(B,)`` int64.
    codes : int
        Size of the codebook.
    conditional : bool
        Whether the model knows classes.
    generator : torch.Generator
        Where random codes are drawn from.
    """
    if conditional:
        return classes
    if settings.start_token == "zero":
        return torch.zeros_like(classes)
    return torch.randint(codes, (len(classes),), generator=generator).to(classes.device)
