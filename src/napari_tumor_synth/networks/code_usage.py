"""How much of the codebooks a whole data set uses."""

import torch
from torch import Tensor

from napari_tumor_synth.networks.ranks import summed_over_ranks


class CodeUsage:
    """Count codes over a data set; a single batch says little about usage.

    Parameters
    ----------
    codes : int
        Codes of each codebook.
    levels : int
        Codes a position.
    """

    def __init__(self, codes: int, levels: int = 1) -> None:
        self.counts = torch.zeros(levels, codes, dtype=torch.int64)

    def add(self, codes: Tensor) -> None:
        """Count codes (B, levels, s, a, r)."""
        for level, count in enumerate(self.counts):
            count += torch.bincount(codes[:, level].flatten().cpu(), minlength=len(count))

    def reset(self) -> None:
        """Begin anew."""
        self.counts = torch.zeros_like(self.counts)

    def over_ranks(self, device: torch.device) -> "CodeUsage":
        """Return the counts of all processes together, which talk on `device`."""
        together = CodeUsage(self.counts.shape[1], self.counts.shape[0])
        together.counts = summed_over_ranks(self.counts.to(device, copy=True)).cpu()
        return together

    def figures(self, prefix: str = "") -> dict[str, float]:
        """Return usage and perplexity of each level, numbered from 1, by name."""
        both = enumerate(zip(self.usage(), self.perplexity(), strict=True), start=1)
        return {
            f"{prefix}{name} {level}": value
            for level, values in both
            for name, value in zip(("usage", "perplexity"), values, strict=True)
        }

    def usage(self) -> list[float]:
        """Return the share of codes used at least once, for each level, in [0, 1]."""
        return [float(share) for share in (self.counts > 0).double().mean(1)]

    def perplexity(self) -> list[float]:
        """Return exp(entropy in nats) of the codes for each level, in [1, codes]; 0 if none."""
        shares = self.counts / self.counts.sum(1, keepdim=True).clamp(min=1)
        entropy = torch.special.entr(shares.double()).sum(1)
        return [
            float(value) if count > 0 else 0.0
            for value, count in zip(entropy.exp(), self.counts.sum(1), strict=True)
        ]
