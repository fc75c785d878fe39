"""Settings of the token transformer (Zhou23 section 3.1, Zhou24 section 2.1)."""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1, le=65536)]


class TransformerSettings(BaseModel):
    """Shape of the transformer; the defaults are lat8 of Zhou23.

    Attributes
    ----------
    layers, heads, width : int
        24, 16 and 1024 in both papers (Zhou24: "the same one in Esser et al.").
    length : int
        Tokens, one a position of the latent grid: 512 for 8^3.
    codes : int
        Codes of each codebook: 512 in 000, 1024 in Zhou24.
    levels : int
        Codes a position, predicted together; 1 in the papers.
    classes : int
        Tumour classes. 0 is unconditional (Zhou23): the sequence starts with a code index.
        Otherwise it starts with a class token (Zhou24).
    causal : bool
        True predicts each token from those before it, as in the papers. False sees all tokens that
        are not masked (Chang et al. 2022), our second mode.
    dropout : float
        Of what is added to the residual stream, not of attention weights; 0 in both codes.
    positions : {"learned", "axial"}
        A vector a position, as in the papers, or the sum of one for s, a and r each, which small
        models learn faster (our addition).
    grid : tuple of int, optional
        Latent grid (s, a, r), needed for axial positions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: Annotated[int, Field(ge=1, le=128)] = 24
    heads: Annotated[int, Field(ge=1, le=128)] = 16
    width: Annotated[int, Field(ge=1, le=8192)] = 1024
    length: Count = 512
    codes: Annotated[int, Field(ge=2, le=65536)] = 512
    levels: Annotated[int, Field(ge=1, le=16)] = 1
    classes: Annotated[int, Field(ge=0, le=1000)] = 0
    causal: bool = True
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    positions: Literal["learned", "axial"] = "learned"
    grid: tuple[Count, Count, Count] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not divisible by {self.heads} heads")
        if self.positions == "axial" and self.grid is None:
            raise ValueError("axial positions need the grid")
        if self.grid is not None and math.prod(self.grid) != self.length:
            raise ValueError(f"grid {self.grid} does not hold {self.length} tokens")
        return self

    @property
    def has_mask_token(self) -> bool:
        """Whether there is a [MASK] token: in Zhou24, and when bidirectional."""
        return self.classes > 0 or not self.causal

    @property
    def start_slot(self) -> bool:
        """Whether a start token takes a place of its own before the tokens.

        A causal model always has one. A bidirectional one has the class token, if any.
        """
        return self.causal or self.classes > 0

    @classmethod
    def paper_lat8(cls) -> Self:
        """Return the transformer of Zhou23 for an 8^3 latent."""
        return cls()

    @classmethod
    def paper_lat4(cls) -> Self:
        """Return the transformer of Zhou23 for a 4^3 latent with K = 512, as the paper says."""
        return cls(length=64)

    @classmethod
    def conditional(cls, classes: int = 2) -> Self:
        """Return the transformer of Zhou24: 1,024 codes, LGG and HGG."""
        return cls(codes=1024, classes=classes)
