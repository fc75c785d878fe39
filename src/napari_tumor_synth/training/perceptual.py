"""The perceptual loss over random slices of the three planes.

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.training.perceptual_backbones import SliceFeatures, load_backbone
from napari_tumor_synth.training.precision import in_float32

SMALLEST_SLICE = 32  # pixels: the backbones halve the size four times
FeatureDistance = Literal["squared", "unit"]
Planes = Literal["all", "axial", "coronal", "sagittal"]
_ACROSS: dict[str, tuple[int, ...]] = {
    "all": (2, 3, 4),
    "axial": (2,),
    "coronal": (3,),
    "sagittal": (4,),
}
"""Axes of ``(B, C, S, A, R)`` across which slices are cut."""


@dataclass(frozen=True, eq=False)
class DrawnSlices:
    """Which slices of a batch are compared.

    Attributes
    ----------
    axes : tuple of int
        The axis across which each slice lies.
    positions : torch.Tensor
        ``(slices, B)`` int64, where along that axis.
    """

    axes: tuple[int, ...]
    positions: Tensor

    def of_samples(self, first: int, last: int) -> "DrawnSlices":
        """Return the slices of the samples from `first` up to, not including, `last`."""
        return DrawnSlices(self.axes, self.positions[:, first:last])


class PerceptualLoss(nn.Module):
    """Squared distance of features of random slices (Eq. 1 of [1]_).

    The distances are averaged over each layer and over the layers and added over the slices. The
    paper's text says three random slices without naming planes; here axial, coronal and sagittal
    slices alternate, and lie within the tumour.

    Parameters
    ----------
    features : SliceFeatures
        The frozen backbone; its `name` and `sha256` say what it is.
    slices : int
        Slices of each ROI: 3 in [1]_, 6 in its successor.
    distance : {"squared", "unit"}
        Squared difference, averaged over channels and pixels: the equation. Features are not of
        one scale (those of EfficientNet-Lite0 have mean squares near 60), so its weight must fit
        the backbone. Or squared difference of feature vectors scaled to length 1, added over
        channels and averaged over pixels: between 0 and 4, as in the LPIPS metric that the
        paper's code takes, but without its learned weights.
    planes : {"all", "axial", "coronal", "sagittal"}
        Planes that slices are taken of. The paper's code has one axis only.
    depths : (float, float), optional
        Where slices are drawn, as shares of an axis, whatever they hold: (30 / 128, 98 / 128) in
        the paper's code. None draws within the foreground.
    """

    def __init__(
        self,
        features: SliceFeatures,
        slices: int,
        distance: FeatureDistance = "squared",
        *,
        planes: Planes = "all",
        depths: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.features = features
        self.slices = slices
        self.distance = distance
        self.across = _ACROSS[planes]
        self.depths = depths

    def draw(
        self,
        image: Tensor,
        generator: torch.Generator,
        foreground: Tensor | None = None,
        *,
        first: int = 0,
        whole: int | None = None,
    ) -> DrawnSlices:
        """Draw planes and slices; each sample has slices of its own.

        Parameters
        ----------
        image : torch.Tensor
            ``(B, C, S, A, R)``.
        generator : torch.Generator
            Where they are drawn from.
        foreground : torch.Tensor, optional
            ``(B, 1, S, A, R)`` bool. Unless there are `depths`, slices are drawn between the first
            and the last that hold foreground; a sample without any, or all samples when not given,
            use all slices.
        first, whole : int
            Where these samples begin in a batch of `whole` samples that several processes share;
            they get the slices that they would get in it.
        """
        axes = _planes(self.slices, self.across, generator)
        own = slice(first, first + len(image))
        positions = []
        for axis in axes:
            share = torch.rand(whole or len(image), generator=generator, device=generator.device)
            own_share = share[own].to(image.device)
            positions.append(_positions(image, axis, own_share, foreground, self.depths))
        return DrawnSlices(axes, torch.stack(positions))

    @in_float32
    def forward(
        self,
        reconstruction: Tensor,
        image: Tensor,
        generator: torch.Generator | None = None,
        foreground: Tensor | None = None,
        *,
        drawn: DrawnSlices | None = None,
    ) -> Tensor:
        """Return the loss, a float32 scalar averaged over samples and channels.

        Parameters
        ----------
        reconstruction, image : torch.Tensor
            ``(B, C, S, A, R)`` in [-1, 1]. Every channel is a grey image by itself. Gradients
            flow into `reconstruction` only.
        generator, foreground
            As in `draw`, unless slices are given.
        drawn : DrawnSlices, optional
            Slices from `draw`: for a part of a batch those of its samples, so that the mean over
            the parts is the loss of the whole.
        """
        if drawn is None:
            assert generator is not None, "slices are drawn from a generator, or given"
            drawn = self.draw(image, generator, foreground)
        pair = torch.cat([reconstruction, image.detach()])
        by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for axis, positions in zip(drawn.axes, drawn.positions, strict=True):
            chosen = _take_slices(pair, axis, torch.cat([positions, positions]))
            by_shape[chosen.shape[-2], chosen.shape[-1]].append(chosen)
        total = torch.stack([self._distance(group) for group in by_shape.values()]).sum()
        return total / (image.shape[0] * image.shape[1])

    def _distance(self, group: list[Tensor]) -> Tensor:
        """Add up the distances of pairs ``(2 * B, C, height, width)`` of one shape."""
        reconstructed, original = torch.stack(group).chunk(2, dim=1)
        slices = torch.cat([reconstructed.flatten(0, 2), original.flatten(0, 2)])
        ours, theirs = _enlarge(slices[:, None]).chunk(2)
        with torch.no_grad():
            wanted = self.features(theirs)
        compare = _squared_distance if self.distance == "squared" else _unit_distance
        layers = [compare(m, w) for m, w in zip(self.features(ours), wanted, strict=True)]
        return torch.stack(layers).mean()


def make_perceptual_loss(
    backbone: Literal["efficientnet-lite0", "vgg16", "none"],
    slices: int,
    weights_file: str | Path = "",
    distance: FeatureDistance = "squared",
    *,
    planes: Planes = "all",
    depths: tuple[float, float] | None = None,
) -> PerceptualLoss | None:
    """Build the loss that a recipe names, or None for "none".

    Raises
    ------
    InputError
        The weights of the backbone cannot be read.
    """
    if backbone == "none":
        return None
    features = load_backbone(backbone, weights_file)
    return PerceptualLoss(features, slices, distance, planes=planes, depths=depths)


def _squared_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours - theirs).square().mean(dim=(1, 2, 3)).sum()


def _unit_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    difference = F.normalize(ours, dim=1) - F.normalize(theirs, dim=1)
    return difference.square().sum(dim=1).mean(dim=(1, 2)).sum()


def _planes(count: int, across: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Draw the axes across which to slice: each of them as often, up to one, as the others."""
    axes: list[int] = []
    while len(axes) < count:
        order = torch.randperm(len(across), generator=generator, device=generator.device)
        axes += [across[number] for number in order.tolist()]
    return tuple(axes[:count])


def _positions(
    image: Tensor,
    axis: int,
    share: Tensor,
    foreground: Tensor | None,
    depths: tuple[float, float] | None,
) -> Tensor:
    """Return one slice ``(B,)`` of each sample across `axis`: a share of those there are."""
    size = image.shape[axis]
    first, count = torch.zeros(1, device=image.device), torch.full((1,), size, device=image.device)
    if depths is not None:
        first = first + int(depths[0] * size)
        count = (int(depths[1] * size) - first).clamp_min(1)
    elif foreground is not None:
        inside = foreground.movedim(axis, 1).flatten(2).any(dim=2)
        index = torch.arange(size, device=image.device)
        lowest = torch.where(inside, index, size).amin(dim=1)
        highest = torch.where(inside, index, -1).amax(dim=1)
        empty = highest < 0
        first = torch.where(empty, 0, lowest)
        count = torch.where(empty, size, highest - lowest + 1)
    return (first + (share * count).long().clamp(max=count - 1)).long()


def _take_slices(volumes: Tensor, axis: int, positions: Tensor) -> Tensor:
    """Return slice ``(N, C, height, width)`` number ``positions[n]`` of each volume."""
    sample = torch.arange(len(volumes), device=volumes.device)
    return volumes.movedim(axis, 1)[sample, positions.to(volumes.device)]


def _enlarge(slices: Tensor) -> Tensor:
    smallest = min(slices.shape[-2:])
    if smallest >= SMALLEST_SLICE:
        return slices
    size = [-(-side * SMALLEST_SLICE // smallest) for side in slices.shape[-2:]]
    return F.interpolate(slices, size=size, mode="bilinear", align_corners=False)
