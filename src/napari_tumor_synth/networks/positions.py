"""Where a token lies: one vector a slot, or sums of one vector an axis."""

import torch
from torch import Tensor, nn

from napari_tumor_synth.networks.transformer_settings import TransformerSettings


class LearnedPositions(nn.Module):
    """One learned vector for each slot of the sequence (absolute positions, as in the papers).

    Parameters
    ----------
    slots : int
        Places in the sequence, a separate start slot included.
    width : int
        Width of the transformer.
    """

    def __init__(self, slots: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(slots, width)

    def forward(self) -> Tensor:
        """Return the vectors (slots, width)."""
        return self.vectors.weight


class AxialPositions(nn.Module):
    """Sum of a learned vector for each of s, a and r of the position that a slot predicts.

    Parameters
    ----------
    grid : tuple of int
        Latent grid (s, a, r).
    width : int
        Width of the transformer.
    start_slots : int
        1 if a separate slot precedes the tokens, else 0.
    """

    def __init__(self, grid: tuple[int, int, int], width: int, start_slots: int) -> None:
        super().__init__()
        along_s, along_a, along_r = grid
        self.along_s = nn.Embedding(along_s, width)
        self.along_a = nn.Embedding(along_a, width)
        self.along_r = nn.Embedding(along_r, width)
        self.start = nn.Embedding(start_slots, width) if start_slots else None

    def forward(self) -> Tensor:
        """Return the vectors (slots, width)."""
        in_plane = self.along_a.weight[:, None] + self.along_r.weight
        vectors = (self.along_s.weight[:, None, None] + in_plane).flatten(0, 2)
        if self.start is None:
            return vectors
        return torch.cat([self.start.weight, vectors])


def make_positions(settings: TransformerSettings) -> LearnedPositions | AxialPositions:
    """Return the position vectors that the settings ask for."""
    # In a causal model the start token stands where the first token is predicted.
    start_slots = int(settings.start_slot and not settings.causal)
    if settings.positions == "axial" and settings.grid is not None:
        return AxialPositions(settings.grid, settings.width, start_slots)
    return LearnedPositions(settings.length + start_slots, settings.width)
