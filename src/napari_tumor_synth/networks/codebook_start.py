"""Where a codebook begins: random encoder vectors, moved to the centres of their clusters."""

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_vectors(vectors: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` random rows of `vectors` (N, D), without repeats as long as N suffices.

    Repeats are pushed apart by noise of a hundredth of the spread, so that no two codes coincide.
    """
    order = torch.randperm(len(vectors), generator=generator, device=generator.device)
    repeats = -(-count // len(vectors))
    chosen = order.repeat(repeats)[:count].to(vectors.device)
    drawn = vectors[chosen]
    surplus = count - len(vectors)
    if surplus > 0:
        shape = (surplus, vectors.shape[1])
        noise = torch.randn(shape, generator=generator, device=generator.device)
        drawn[-surplus:] += 0.01 * vectors.std() * noise.to(vectors)
    return drawn


def k_means(vectors: Tensor, centres: Tensor, iterations: int, *, unit_length: bool) -> Tensor:
    """Return centres (K, D) after Lloyd iterations over `vectors` (N, D).

    A centre that no vector is nearest to stays where it is. With `unit_length` the centres are
    normalised (spherical k-means).
    """
    for _ in range(iterations):
        distances = torch.addmm(centres.square().sum(1), vectors, centres.T, alpha=-2)
        nearest = distances.argmin(1)
        counts = torch.bincount(nearest, minlength=len(centres)).to(vectors)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, vectors)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        if unit_length:
            centres = F.normalize(centres, dim=1)
    return centres
