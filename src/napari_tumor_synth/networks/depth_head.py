"""Several codes a position: each level is predicted given the lower levels of its position."""

import torch
from torch import Tensor, nn


class DepthHead(nn.Module):
    """Predict one level from the position's hidden state and its lower levels.

    A light stand-in for the depth transformer of Lee et al. 2022: the levels of a position are
    modelled jointly, without more positions in the sequence.

    Parameters
    ----------
    width : int
        Width of the transformer.
    codes : int
        Codes of the level.
    """

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        self.lower_norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, width))
        self.out = nn.Linear(width, codes, bias=False)

    def forward(self, hidden: Tensor, lower: Tensor) -> Tensor:
        """Return logits (..., codes).

        Parameters
        ----------
        hidden : Tensor
            (..., width), of the position.
        lower : Tensor
            (..., width), sum of the embeddings of its lower levels.
        """
        both = torch.cat([hidden, self.lower_norm(lower).to(hidden.dtype)], dim=-1)
        logits: Tensor = self.out(hidden + self.mix(both))
        return logits
