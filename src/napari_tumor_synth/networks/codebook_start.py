"""Clusters of encoder vectors: where a codebook begins, and what its codes get.

A codebook begins at random vectors, moved to the centres of their clusters. Where several processes
train together, each holds some of the vectors, and everything here is over all of them, in the
order of the processes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_tumor_synth.networks.ranks import place_among_ranks, summed_over_ranks


def draw_vectors(vectors: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` random rows of `vectors` (N, D), without repeats as long as N suffices.

    Repeats are pushed apart by noise of a hundredth of the spread, so that no two codes coincide.
    """
    first, total = place_among_ranks(len(vectors), vectors.device)
    order = torch.randperm(total, generator=generator, device=generator.device)
    chosen = order.repeat(-(-count // total))[:count].to(vectors.device)
    mine = (chosen >= first) & (chosen < first + len(vectors))
    drawn = vectors.new_zeros(count, vectors.shape[1])
    drawn[mine] = vectors[chosen[mine] - first]
    drawn = summed_over_ranks(drawn)
    surplus = count - total
    if surplus > 0:
        shape = (surplus, vectors.shape[1])
        noise = torch.randn(shape, generator=generator, device=generator.device)
        drawn[-surplus:] += 0.01 * _spread(vectors, total) * noise.to(vectors)
    return drawn


def k_means(vectors: Tensor, centres: Tensor, iterations: int, *, unit_length: bool) -> Tensor:
    """Return centres (K, D) after Lloyd iterations over `vectors` (N, D).

    A centre that no vector is nearest to stays where it is. With `unit_length` the centres are
    normalised (spherical k-means).
    """
    for _ in range(iterations):
        nearest = nearest_codes(vectors, centres)
        counts, sums = cluster_statistics(vectors, nearest, len(centres))
        counts = counts[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        if unit_length:
            centres = F.normalize(centres, dim=1)
    return centres


def nearest_codes(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Return the index (N,) of the nearest code (K, D) of each vector (N, D).

    For vectors and codes of unit length this is the largest cosine.
    """
    # ||v - c||^2 without ||v||^2, which is the same for all codes
    distances = torch.addmm(codebook.square().sum(1), vectors, codebook.T, alpha=-2)
    return distances.argmin(1)


def cluster_statistics(vectors: Tensor, nearest: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Return how many vectors (N, D) each code got (K,), and their sums (K, D)."""
    counts = torch.bincount(nearest, minlength=codes).to(vectors.dtype)
    sums = vectors.new_zeros(codes, vectors.shape[1]).index_add_(0, nearest, vectors)
    return summed_over_ranks(counts), summed_over_ranks(sums)


def _spread(vectors: Tensor, total: int) -> Tensor:
    """Return the standard deviation of all numbers in the `total` vectors."""
    count = total * vectors.shape[1]
    mean = summed_over_ranks(vectors.sum()) / count
    return (summed_over_ranks((vectors - mean).square().sum()) / max(count - 1, 1)).sqrt()
