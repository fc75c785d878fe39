"""The 3D patch discriminator of the 3D-VQGAN (Zhou23 section 3.1, "five 3D convolution layers")."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.blocks import (
    LEAK,
    NORM_GROUPS,
    Initialisation,
    Norm,
    activation,
    initialise,
    make_norm,
    uneven_groups,
)


class DiscriminatorSettings(BaseModel):
    """Shape of the discriminator; the defaults are those of Zhou23's code (5^3 logits at 128^3).

    Attributes
    ----------
    in_channels : int
        Sequences, one a channel.
    widths : tuple of int
        Channels after each halving convolution (k4 s2 p1). Fewer entries see smaller patches and
        take smaller ROIs: four need at least 64 voxels along an edge, three 32.
    norm : {"batch", "group", "channel"}
        From the second convolution on: batch in 000, eight groups in Zhou24.
    initialisation : {"torch", "normal"}
        torch's defaults, or N(0, 0.02) as in the papers' code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_channels: Annotated[int, Field(ge=1, le=16)] = 1
    widths: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (
        64,
        128,
        256,
        512,
    )
    norm: Norm = "batch"
    initialisation: Initialisation = "torch"

    @model_validator(mode="after")
    def _even_groups(self) -> Self:
        if uneven := uneven_groups(self.norm, self.widths[1:]):
            raise ValueError(f"group norm needs widths divisible by {NORM_GROUPS}, not {uneven[0]}")
        return self

    @property
    def smallest_side(self) -> int:
        """Shortest edge in voxels that leaves at least one logit."""
        return 4 << len(self.widths)


class PatchDiscriminator(nn.Module):
    """Judge overlapping patches of an ROI as real (positive) or generated (negative).

    Parameters
    ----------
    settings : DiscriminatorSettings
        Shape of the network.
    """

    def __init__(self, settings: DiscriminatorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stages = nn.ModuleList()
        width = settings.in_channels
        for stage, wider in enumerate(settings.widths):
            layers: list[nn.Module] = [nn.Conv3d(width, wider, 4, stride=2, padding=1)]
            if stage > 0:
                layers.append(make_norm(settings.norm, wider))
            self.stages.append(nn.Sequential(*layers, activation(LEAK)))
            width = wider
        self.stages.append(nn.Conv3d(width, 1, 4))
        initialise(self, settings.initialisation)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Judge ROIs (B, C, S, A, R) in [-1, 1].

        Returns
        -------
        list of Tensor
            The features after each stage, for feature matching; the last entry is the logits
            (B, 1, s, a, r).

        Raises
        ------
        InputError
            If a side is too short to leave a single logit.
        """
        smallest = self.settings.smallest_side
        if min(x.shape[2:]) < smallest:
            raise InputError(
                f"The discriminator needs at least {smallest} voxels along each edge, "
                f"not {tuple(x.shape[2:])}.",
                "Train on larger patches, or give the discriminator fewer widths.",
            )
        features: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features
