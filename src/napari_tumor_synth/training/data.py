"""Batches of ROIs, the same in every run with the same seed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from napari_tumor_synth.imaging.intensity import BACKGROUND


class RoiSource(Protocol):
    """What training needs of a ROI cache."""

    def load(self, index: int) -> NDArray[np.float32]:
        """Return the ROI ``(C, S, A, R)`` in [-1, 1]."""

    def class_index(self, index: int) -> int:
        """Return the number of the ROI's class."""


class BatchSampler:
    """Draws batches so that every ROI is seen once an epoch.

    Parameters
    ----------
    source : RoiSource
        Where ROIs come from.
    indices : sequence of int
        The ROIs to use, e.g. those of the training split.
    seed : sequence of int
        Decides the order of every epoch.
    mirror : bool
        Mirror half of the ROIs left-right.
    """

    def __init__(
        self, source: RoiSource, indices: Sequence[int], seed: Sequence[int], *, mirror: bool
    ) -> None:
        self.source = source
        self.indices = np.asarray(indices)
        self.seed = list(seed)
        self.mirror = mirror

    def batch(
        self,
        number: int,
        size: int,
        crop: int | None,
        random: Callable[[int], torch.Generator],
        share: slice = slice(None),
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch `number` of the run: images ``(B, C, S, A, R)`` and classes ``(B,)``.

        Parameters
        ----------
        number : int
            Number of the batch, from 0.
        size : int
            ROIs in it.
        crop : int or None
            Edge of a cubic patch around a random voxel of the tumour; None gives whole ROIs.
        random : callable
            Takes the place of an ROI in the whole batch, and gives the generator that its patch and
            its mirroring are drawn from.
        share : slice
            Which places of the whole batch are wanted.
        """
        places = range(size)[share]
        chosen = self._order(number * size, size)[share]
        images = [
            self._one(int(index), crop, random(place))
            for place, index in zip(places, chosen, strict=True)
        ]
        classes = [self.source.class_index(int(index)) for index in chosen]
        return torch.stack(images), torch.tensor(classes)

    def _order(self, first: int, size: int) -> NDArray[np.int64]:
        count = len(self.indices)
        positions = np.arange(first, first + size)
        epochs = np.unique(positions // count)
        order = {
            int(e): np.random.default_rng([*self.seed, int(e)]).permutation(count) for e in epochs
        }
        return np.array([self.indices[order[int(p // count)][p % count]] for p in positions])

    def _one(self, index: int, crop: int | None, generator: torch.Generator) -> torch.Tensor:
        image = torch.from_numpy(np.array(self.source.load(index), dtype=np.float32))
        if crop is not None:
            image = random_patch(image, crop, generator)
        if self.mirror and torch.rand((), generator=generator) < 0.5:
            image = image.flip(-1)
        return image


def in_turns(classes: Iterable[int]) -> list[int]:
    """Return the places of a row of classes such that the classes take turns, each in its order."""
    by_class: dict[int, list[int]] = defaultdict(list)
    for place, number in enumerate(classes):
        by_class[number].append(place)
    turns = zip_longest(*(by_class[number] for number in sorted(by_class)))
    return [place for turn in turns for place in turn if place is not None]


def random_patch(image: torch.Tensor, edge: int, generator: torch.Generator) -> torch.Tensor:
    """Cut a cube that holds a random voxel of the tumour.

    Parameters
    ----------
    image : torch.Tensor
        ``(C, S, A, R)``, background -1.
    edge : int
        Edge of the cube in voxels; at most that of the image is used.
    """
    shape = torch.tensor(image.shape[1:])
    edges = torch.minimum(shape, torch.tensor(edge))
    tumour = (image[0] > BACKGROUND).flatten().nonzero()[:, 0]
    if len(tumour) == 0:
        centre = shape // 2
    else:
        flat = tumour[torch.randint(len(tumour), (), generator=generator)]
        centre = torch.stack(torch.unravel_index(flat, tuple(shape.tolist())))
    offset = (torch.rand(3, generator=generator) * edges).long()
    start = torch.minimum((centre - offset).clamp_min(0), shape - edges)
    s, a, r = start.tolist()
    ds, da, dr = edges.tolist()
    return image[:, s : s + ds, a : a + da, r : r + dr].clone()
