"""Vector quantisation with codebooks learnt by exponential moving averages.

Sources: Zhou23 section 3.1 and Eq. 4; Zhou24 section 2.1 (l2-normalised look-up) and Eq. 2; van
den Oord et al. 2017, appendix A.1 (moving averages with Laplace-smoothed counts); Lee et al. 2022
(several levels). The published code of Zhou23 looks up whole channels where the paper looks up
positions; here every position of the latent grid has its own codes.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.networks.codebook_start import (
    cluster_statistics,
    draw_vectors,
    k_means,
    nearest_codes,
)
from napari_tumor_synth.networks.ranks import from_first_rank, summed_over_ranks

SMOOTHING = 1e-5
EMPTY_CODE = 0
"""Of every level, where positions without content have the zero vector."""


@dataclass(frozen=True)
class Quantised:
    """A quantised latent.

    Attributes
    ----------
    vectors : Tensor
        (B, width, s, a, r) float32: what the decoder takes. Gradients pass straight through to the
        encoder.
    codes : Tensor
        (B, levels, s, a, r) int64 in [0, codes).
    commitment : Tensor
        beta * ||sg[c] - E(x)||^2, a float32 scalar, mean over elements and levels. It is the only
        term of the papers' codebook loss that has a gradient: moving averages replace the other.
    """

    vectors: Tensor
    codes: Tensor
    commitment: Tensor


class EmaQuantiser(nn.Module):
    """Replace each latent vector by its nearest code, and learn the codes by moving averages.

    Everything is computed in float32, inside autocast too. In training mode each call updates the
    codebooks; in evaluation mode nothing changes. All state is in buffers, so that a run resumed
    from a checkpoint goes on bit for bit. Under `torch.distributed` the statistics are summed over
    ranks, and the random choices are those of the first rank.

    Parameters
    ----------
    width : int
        Width of a code, D.
    codes : int
        Codes of each codebook, K.
    levels : int
        Codes a position. From the second on, a level quantises what the levels before it left,
        with a codebook of its own.
    lookup : {"euclidean", "cosine"}
        "cosine" normalises vectors and codes to unit length, and the decoder receives unit vectors
        (Zhou24). It is refused for several levels: what a unit vector leaves is no unit vector, so
        direction alone could not describe it.
    decay : float
        Of the moving averages.
    commitment : float
        beta.
    revive_below : float
        A code whose average use is below this share of the mean use moves to a random vector of the
        batch, and has exactly that use from then on: if nothing picks it there, it moves again.
        0 never revives.
    kmeans_iterations : int
        Of the start on the first training batch. 0 starts at random vectors of it.
    zero_code : bool
        `EMPTY_CODE` of every level is the zero vector and is never learnt, and nothing is learnt
        from vectors that are exactly zero: positions without content do not compete for the
        codebooks.
    """

    initialised: Tensor
    updates: Tensor
    codebooks: Tensor
    cluster_sizes: Tensor
    cluster_sums: Tensor

    TRAINING_BUFFERS = ("cluster_sizes", "cluster_sums", "updates")
    """Buffers that only training needs."""

    def __init__(
        self,
        width: int,
        codes: int,
        *,
        levels: int = 1,
        lookup: Literal["euclidean", "cosine"] = "euclidean",
        decay: float = 0.99,
        commitment: float = 0.25,
        revive_below: float = 0.05,
        kmeans_iterations: int = 10,
        zero_code: bool = False,
    ) -> None:
        super().__init__()
        if lookup == "cosine" and (levels > 1 or zero_code):
            raise ValueError("the cosine look-up is for one level, without a zero code")
        self.width, self.codes, self.levels = width, codes, levels
        self.cosine = lookup == "cosine"
        self.decay, self.commitment = decay, commitment
        self.revive_below, self.kmeans_iterations = revive_below, kmeans_iterations
        self.zero_code = zero_code
        self.register_buffer("initialised", torch.tensor(False))
        self.register_buffer("updates", torch.tensor(0))
        self.register_buffer("codebooks", torch.zeros(levels, codes, width))
        self.register_buffer("cluster_sizes", torch.zeros(levels, codes))
        self.register_buffer("cluster_sums", torch.zeros(levels, codes, width))

    def forward(self, latent: Tensor, generator: torch.Generator | None = None) -> Quantised:
        """Quantise a latent (B, width, s, a, r).

        Parameters
        ----------
        latent : Tensor
            Encoder output, of any floating type.
        generator : torch.Generator, optional
            Source of the random choices in training. None takes one seeded with the number of
            updates so far, so that a resumed run makes the same choices without saving more state.
        """
        with torch.autocast(latent.device.type, enabled=False):
            batch, _, *grid = latent.shape
            vectors = latent.float().movedim(1, -1).reshape(-1, self.width)
            if self.cosine:
                vectors = F.normalize(vectors, dim=1)
            random = self._random(vectors, generator) if self.training else None
            content = self._content(vectors.detach())
            quantised = torch.zeros_like(vectors)
            found: list[tuple[Tensor, Tensor]] = []  # what each level saw, and its codes
            distances = []
            for level in range(self.levels):
                remainder = vectors.detach() - quantised
                if random is not None and not self.initialised:
                    self._start(level, remainder[content], random)
                nearest = nearest_codes(remainder, self.codebooks[level])
                quantised = quantised + self.codebooks[level][nearest]
                distances.append(F.mse_loss(vectors, quantised))
                found.append((remainder, nearest))
            if random is not None:
                self._learn([(seen[content], codes[content]) for seen, codes in found], random)
            straight_through = vectors + (quantised - vectors).detach()
            codes = torch.stack([nearest for _, nearest in found], dim=1)
            return Quantised(
                vectors=straight_through.view(batch, *grid, self.width).movedim(-1, 1),
                codes=codes.view(batch, *grid, self.levels).movedim(-1, 1),
                commitment=self.commitment * torch.stack(distances).mean(),
            )

    def vectors_of(self, codes: Tensor) -> Tensor:
        """Return the vectors (B, width, s, a, r) of codes (B, levels, s, a, r)."""
        total = sum(
            F.embedding(codes[:, level], self.codebooks[level].float())
            for level in range(self.levels)
        )
        assert isinstance(total, Tensor)
        return total.movedim(-1, 1)

    def _random(self, vectors: Tensor, generator: torch.Generator | None) -> torch.Generator | None:
        """Return the source of random choices, or None for a batch that must not be learnt."""
        # one overflow would spoil the codes for good; the caller sees it in the loss
        if summed_over_ranks((~vectors.detach().isfinite()).any().float()) > 0:
            return None
        return generator or torch.Generator().manual_seed(int(self.updates))

    def _content(self, vectors: Tensor) -> Tensor | slice:
        """Return which of vectors (N, D) are learnt from: all of them if none has any content."""
        content = vectors.any(dim=1)
        return content if self.zero_code and bool(content.any()) else slice(None)

    def _set_codes(self, level: int, codebook: Tensor) -> None:
        self.codebooks[level] = codebook
        if self.zero_code:
            self.codebooks[level, EMPTY_CODE] = 0

    @torch.no_grad()
    def _learn(self, found: list[tuple[Tensor, Tensor]], generator: torch.Generator) -> None:
        for level, (vectors, nearest) in enumerate(found):
            self._average(level, vectors, nearest)
            self._revive(level, vectors, generator)
        self.initialised.fill_(True)
        self.updates += 1

    @torch.no_grad()
    def _start(self, level: int, vectors: Tensor, generator: torch.Generator) -> None:
        centres = draw_vectors(vectors, self.codes, generator)
        centres = k_means(vectors, centres, self.kmeans_iterations, unit_length=self.cosine)
        centres = from_first_rank(centres)
        self._set_codes(level, centres)
        counts, _ = cluster_statistics(vectors, nearest_codes(vectors, centres), self.codes)
        counts = summed_over_ranks(counts)
        # an unused code must not be divided by nothing; many start unused where most of the
        # batch is background, and this use lets the first update revive them
        sizes = counts.clamp(min=self.revive_below * float(counts.mean()) or 1.0)
        self.cluster_sizes[level] = sizes
        self.cluster_sums[level] = centres * sizes[:, None]

    def _average(self, level: int, vectors: Tensor, nearest: Tensor) -> None:
        counts, sums = cluster_statistics(vectors, nearest, self.codes)
        counts, sums = summed_over_ranks(counts), summed_over_ranks(sums)
        self.cluster_sizes[level].lerp_(counts, 1 - self.decay)
        self.cluster_sums[level].lerp_(sums, 1 - self.decay)
        sizes = self.cluster_sizes[level]
        total = sizes.sum()
        smoothed = (sizes + SMOOTHING) / (total + self.codes * SMOOTHING) * total
        centres = self.cluster_sums[level] / smoothed[:, None]
        self._set_codes(level, F.normalize(centres, dim=1) if self.cosine else centres)

    def _revive(self, level: int, vectors: Tensor, generator: torch.Generator) -> None:
        if self.revive_below == 0:
            return
        sizes = self.cluster_sizes[level]
        threshold = self.revive_below * sizes.mean()
        dead = sizes < threshold
        # drawn for every code, so that the generator moves on equally whatever is dead
        fresh = from_first_rank(draw_vectors(vectors, self.codes, generator))
        self._set_codes(level, torch.where(dead[:, None], fresh, self.codebooks[level]))
        self.cluster_sizes[level] = torch.where(dead, threshold, sizes)
        self.cluster_sums[level] = torch.where(
            dead[:, None], fresh * threshold, self.cluster_sums[level]
        )
