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
from napari_tumor_synth.networks.ranks import summed_over_ranks

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

    Everything is computed in float32, inside autocast too. Looking up changes nothing; whoever
    trains calls `start` once and `learn` once a step, after the step, so that a batch may go
    through the networks in parts, and one that fails leaves no trace. All state is in buffers, so
    that a run resumed from a checkpoint goes on bit for bit. Under `torch.distributed` codes are
    learnt from the vectors of all processes, as one process would from all of them.

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
        Of `start`. 0 starts at random vectors.
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

    def forward(self, latent: Tensor) -> Quantised:
        """Quantise a latent (B, width, s, a, r) of any floating type."""
        with torch.autocast(latent.device.type, enabled=False):
            batch, _, *grid = latent.shape
            vectors = self._rows(latent)
            quantised = torch.zeros_like(vectors)
            found, distances = [], []
            for level in range(self.levels):
                nearest = nearest_codes(vectors.detach() - quantised, self.codebooks[level])
                quantised = quantised + self.codebooks[level][nearest]
                distances.append(F.mse_loss(vectors, quantised))
                found.append(nearest)
            straight_through = vectors + (quantised - vectors).detach()
            return Quantised(
                vectors=straight_through.view(batch, *grid, self.width).movedim(-1, 1),
                codes=torch.stack(found, dim=1).view(batch, *grid, self.levels).movedim(-1, 1),
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

    @torch.no_grad()
    def start(self, latent: Tensor, generator: torch.Generator | None = None) -> None:
        """Put the codes where the vectors of a latent (B, width, s, a, r) are.

        Parameters
        ----------
        latent : Tensor
            Of the first batch that is to be quantised; one that is not finite is passed over.
        generator : torch.Generator, optional
            Source of the random choices, equal in all processes.
        """
        with torch.autocast(latent.device.type, enabled=False):
            vectors = self._rows(latent)
            if not _finite_everywhere(vectors):
                return
            generator = generator or self._own_generator()
            content = self._content(vectors)
            quantised = torch.zeros_like(vectors)
            for level in range(self.levels):
                remainder = vectors - quantised
                self._start_level(level, remainder[content], generator)
                nearest = nearest_codes(remainder, self.codebooks[level])
                quantised = quantised + self.codebooks[level][nearest]
            self.initialised.fill_(True)

    @torch.no_grad()
    def learn(
        self, latent: Tensor, codes: Tensor, generator: torch.Generator | None = None
    ) -> None:
        """Move the codes toward what was just quantised, and revive those that nothing picks.

        Parameters
        ----------
        latent : Tensor
            (B, width, s, a, r) as it was quantised; one that is not finite is not learnt.
        codes : Tensor
            (B, levels, s, a, r) that `forward` found for it.
        generator : torch.Generator, optional
            Source of the random choices, equal in all processes. None takes one seeded with the
            number of updates so far, so that a resumed run makes the same choices without saving
            more state.
        """
        with torch.autocast(latent.device.type, enabled=False):
            vectors = self._rows(latent)
            if not _finite_everywhere(vectors):  # one overflow would spoil the codes for good
                return
            generator = generator or self._own_generator()
            content = self._content(vectors)
            chosen = codes.movedim(1, -1).reshape(-1, self.levels)
            quantised = torch.zeros_like(vectors)
            seen = []
            for level in range(self.levels):
                seen.append(((vectors - quantised)[content], chosen[content, level]))
                quantised = quantised + self.codebooks[level][chosen[:, level]]
            for level, (remainder, nearest) in enumerate(seen):
                self._average(level, remainder, nearest)
                self._revive(level, remainder, generator)
            self.updates += 1

    def _rows(self, latent: Tensor) -> Tensor:
        """Return the vectors (positions, width) to look up."""
        vectors = latent.float().movedim(1, -1).reshape(-1, self.width)
        return F.normalize(vectors, dim=1) if self.cosine else vectors

    def _own_generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(int(self.updates))

    def _content(self, vectors: Tensor) -> Tensor | slice:
        """Return which of vectors (N, D) are learnt from: all of them if none has any content."""
        if not self.zero_code:
            return slice(None)
        content = vectors.any(dim=1)
        return content if bool(summed_over_ranks(content.sum()) > 0) else slice(None)

    def _set_codes(self, level: int, codebook: Tensor) -> None:
        self.codebooks[level] = codebook
        if self.zero_code:
            self.codebooks[level, EMPTY_CODE] = 0

    def _start_level(self, level: int, vectors: Tensor, generator: torch.Generator) -> None:
        centres = draw_vectors(vectors, self.codes, generator)
        centres = k_means(vectors, centres, self.kmeans_iterations, unit_length=self.cosine)
        self._set_codes(level, centres)
        counts, _ = cluster_statistics(vectors, nearest_codes(vectors, centres), self.codes)
        # an unused code must not be divided by nothing; many start unused where most of the
        # batch is background, and this use lets the first update revive them
        sizes = counts.clamp(min=self.revive_below * float(counts.mean()) or 1.0)
        self.cluster_sizes[level] = sizes
        self.cluster_sums[level] = centres * sizes[:, None]

    def _average(self, level: int, vectors: Tensor, nearest: Tensor) -> None:
        counts, sums = cluster_statistics(vectors, nearest, self.codes)
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
        fresh = draw_vectors(vectors, self.codes, generator)
        self._set_codes(level, torch.where(dead[:, None], fresh, self.codebooks[level]))
        self.cluster_sizes[level] = torch.where(dead, threshold, sizes)
        self.cluster_sums[level] = torch.where(
            dead[:, None], fresh * threshold, self.cluster_sums[level]
        )


def _finite_everywhere(vectors: Tensor) -> bool:
    return not bool(summed_over_ranks((~vectors.isfinite()).any().float()) > 0)
