"""Settings of the 3D-VQGAN autoencoder of [Zhou23]_ and [Zhou24]_.

.. [Zhou23] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization
   Generative Adversarial Networks, 2023, section 3.1.
.. [Zhou24] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024, section 2.1.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.blocks import NORM_GROUPS, Initialisation, Norm, uneven_groups

Width = Annotated[int, Field(ge=1, le=4096)]
Blocks = Annotated[int, Field(ge=0, le=16)]
Grid = tuple[int, int, int]


class VqganSettings(BaseModel):
    """Shape of the autoencoder; the defaults are lat8 of [Zhou23]_.

    Attributes
    ----------
    in_channels : int
        Sequences, one a channel; 1 (FLAIR) in both papers.
    widths : tuple of int
        Channels after each encoder stage.
    strides : tuple of {1, 2}
        Stride of each encoder stage: 2 is a convolution k4 s2 p1, 1 is k3 s1 p1. (The paper says
        that all five have k4; its code has k3 s1 in the fifth, which is what gives an 8^3 latent.)
    residual_blocks : tuple of int
        Residual blocks after each encoder stage, and after the decoder stage of the same width.
    decoder_widths : tuple of int, optional
        Channels after each decoder stage, coarse to fine. None mirrors the encoder as the papers
        do, with one stage fewer. The last stages double the resolution, one for each stride of 2;
        doublings beyond the number of stages come before the last convolution (lat4).
    decoder_residual_blocks : tuple of int, optional
        Residual blocks of each decoder stage, coarse to fine. None mirrors the encoder, or is 1
        everywhere when `decoder_widths` is given.
    embedding : int
        Width of a code: 512 in [Zhou23]_, 128 in [Zhou24]_.
    codes : int
        Codes of a codebook, K: 512 in [Zhou23]_, 1024 in [Zhou24]_.
    levels : int
        Codes a position. 1 in the papers; more quantise the remainder again (our addition).
    lookup : {"euclidean", "cosine"}
        "cosine" is the l2-normalised look-up of [Zhou24]_: encoder vectors and codes have unit
        norm. For one level only.
    decay : float
        Of the moving averages that learn the codes: 0.99 in both codes.
    commitment : float
        beta of the codebook loss: 0.25 in Eq. 4 of [Zhou23]_, 1 in Eq. 2 of [Zhou24]_.
    revive_below : float
        A code whose average use falls below this share of the mean use is replaced by a random
        encoder vector. 0 never revives, as in both codes (which then lose most of the codes).
    kmeans_iterations : int
        Of the start on the first training batch: 10 in the code of [Zhou24]_; 0 takes random
        encoder vectors as in [Zhou23]_.
    empty_positions : {"encoded", "zero"}
        What stands for latent positions whose block of the input holds no tumour: what the encoder
        makes of them, as in both papers, or the zero vector with a code of its own on every level,
        so that codebooks and transformer are spent on the tumour alone (our addition).
    norm : {"batch", "group", "channel"}
        Batch in [Zhou23]_, eight groups in [Zhou24]_; channel is our addition for patches.
    final_kernel : {1, 3}
        Kernel of the last convolution: 3 in the code of [Zhou23]_, 1 in that of [Zhou24]_.
    initialisation : {"torch", "normal"}
        torch's defaults, or N(0, 0.02) for weights and norm gains as in the papers' code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_channels: Annotated[int, Field(ge=1, le=16)] = 1
    widths: Annotated[tuple[Width, ...], Field(min_length=2)] = (32, 64, 128, 256, 512)
    strides: tuple[Literal[1, 2], ...] = (2, 2, 2, 2, 1)
    residual_blocks: tuple[Blocks, ...] = (1, 1, 1, 1, 1)
    decoder_widths: Annotated[tuple[Width, ...], Field(min_length=1)] | None = None
    decoder_residual_blocks: tuple[Blocks, ...] | None = None
    embedding: Width = 512
    codes: Annotated[int, Field(ge=2, le=65536)] = 512
    levels: Annotated[int, Field(ge=1, le=16)] = 1
    lookup: Literal["euclidean", "cosine"] = "euclidean"
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.99
    commitment: Annotated[float, Field(ge=0)] = 0.25
    revive_below: Annotated[float, Field(ge=0, lt=1)] = 0.05
    kmeans_iterations: Annotated[int, Field(ge=0, le=100)] = 10
    empty_positions: Literal["encoded", "zero"] = "encoded"
    norm: Norm = "batch"
    final_kernel: Literal[1, 3] = 3
    initialisation: Initialisation = "torch"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        stages = len(self.widths)
        if len(self.strides) != stages or len(self.residual_blocks) != stages:
            raise ValueError(
                f"widths, strides and residual_blocks need one entry an encoder stage ({stages})"
            )
        if 2 not in self.strides:
            raise ValueError("at least one encoder stage needs stride 2")
        decoder_widths, decoder_blocks = self.decoder_shape
        if len(decoder_blocks) != len(decoder_widths):
            raise ValueError(
                f"decoder_residual_blocks needs one entry a decoder stage ({len(decoder_widths)})"
            )
        if uneven := uneven_groups(self.norm, (*self.widths, *decoder_widths)):
            raise ValueError(f"group norm needs widths divisible by {NORM_GROUPS}, not {uneven[0]}")
        if self.lookup == "cosine" and self.levels > 1:
            raise ValueError("the cosine look-up is for one level; use euclidean for several")
        if self.lookup == "cosine" and self.empty_positions == "zero":
            raise ValueError("empty_positions = 'zero' needs the euclidean look-up")
        if self.levels > 1 and self.revive_below == 0:
            # the first batch may leave nothing for them to begin with
            raise ValueError("several levels need revive_below above 0")
        return self

    @property
    def downsampling(self) -> int:
        """Voxels along an edge of the input for one latent position."""
        return math.prod(self.strides)

    @property
    def decoder_shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Widths and residual blocks of the decoder stages, coarse to fine."""
        mirrored = self.decoder_widths is None
        widths = self.decoder_widths or tuple(reversed(self.widths[:-1]))
        if self.decoder_residual_blocks is not None:
            return widths, self.decoder_residual_blocks
        return widths, tuple(reversed(self.residual_blocks[:-1])) if mirrored else (1,) * len(
            widths
        )

    def latent_shape(self, size: Grid) -> Grid:
        """Return the latent grid (s, a, r) of an ROI of `size` (S, A, R) voxels.

        Raises
        ------
        InputError
            If a side is not a multiple of the downsampling.
        """
        factor = self.downsampling
        if any(side < factor or side % factor for side in size):
            raise InputError(
                f"A side of {' x '.join(map(str, size))} voxels is not divisible by {factor}.",
                f"Crop or pad every side to a multiple of {factor}.",
            )
        s, a, r = (side // factor for side in size)
        return s, a, r

    @classmethod
    def paper_lat8(cls) -> Self:
        """Return the 8^3 latent of [Zhou23]_, without the revival it does not have."""
        return cls(revive_below=0.0, kmeans_iterations=0)

    @classmethod
    def paper_lat4(cls) -> Self:
        """Return the 4^3 latent of [Zhou23]_.

        The published count of parameters shows a codebook of 64 codes in that run, where the paper
        says K = 512; this preset follows the paper.
        """
        return cls(strides=(2, 2, 2, 2, 2), revive_below=0.0, kmeans_iterations=0)

    @classmethod
    def conditional(cls) -> Self:
        """Return the autoencoder of [Zhou24]_."""
        return cls(
            embedding=128,
            codes=1024,
            lookup="cosine",
            commitment=1.0,
            revive_below=0.0,
            norm="group",
            final_kernel=1,
        )
