"""What the MS-SSIM of a volume with others needs of it, at every level, computed once.

The exact treatment of background is that of the 3D-SSIM (`ssim_kernel`): where the windows of only
one volume reach foreground, the index depends on that volume alone.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ms_ssim_definition import MsSsimSettings, require_room
from napari_tumor_synth.evaluation.ssim_definition import K1, K2
from napari_tumor_synth.evaluation.ssim_volume import (
    WindowedVolume,
    frozen,
    mirrored_part,
    reached,
    window_means,
)

NO_LUMINANCE = 1e30
"""A C1 so large that the luminance term of the 3D-SSIM is 1 in float64."""


@dataclass(frozen=True, slots=True)
class LevelConstants:
    """What the index of a level is computed with, for intensities in [0, 1].

    Attributes
    ----------
    c1, c2 : float
    offset : float
        Added to local means in the luminance term.
    """

    c1: float
    c2: float
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One channel of a volume at one level.

    Attributes
    ----------
    part : WindowedVolume
        float64. Origins are counted so that the kernel takes as complete what counts as complete.
    shape : (3,) int64
        Of the level, counted alike.
    positions : int
        Over which the whole figure is the mean.
    whole_alone, foreground_alone : float
        Sums of the index with an empty volume: over the part, less 1 a voxel, and over the mask.
    voxels : int
        Of the mask.
    """

    part: WindowedVolume
    shape: NDArray[np.int64]
    positions: int
    whole_alone: float
    foreground_alone: float
    voxels: int


@dataclass(frozen=True, eq=False)
class MsSsimRoi:
    """A volume ready to be compared with others of its shape.

    Attributes
    ----------
    channels : tuple of tuple of Level
        The levels of each channel.
    shape : tuple of int
        (S, A, R).
    settings : MsSsimSettings
    """

    channels: tuple[tuple[Level, ...], ...]
    shape: tuple[int, ...]
    settings: MsSsimSettings

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(
            array.nbytes for levels in self.channels for level in levels for array in level.part
        )


def prepare_ms_ssim(image: NDArray[np.floating[Any]], settings: MsSsimSettings) -> MsSsimRoi:
    """Compute once what every comparison with a volume needs.

    Parameters
    ----------
    image : numpy.ndarray
        (S, A, R), or (C, S, A, R) whose channels' figures are averaged, in [-1, 1]. Background of
        exactly -1 costs neither time nor memory. May hold no foreground.
    settings : MsSsimSettings

    Raises
    ------
    InputError
        The volume is too small, or holds what is not a number.
    """
    require_room(image.shape, settings)
    if not np.isfinite(image).all():
        raise InputError(
            "The ROI holds values that are not numbers.", "Cut or generate the ROI anew."
        )
    channels = image[None] if image.ndim == 3 else image
    return MsSsimRoi(
        tuple(_levels(channel, settings) for channel in channels), channels.shape[1:], settings
    )


def constants_of(settings: MsSsimSettings, *, last: bool) -> LevelConstants:
    """Return the constants of the last level or of another."""
    signed = settings.intensities == "-1 to 1"  # twice the range of [0, 1], and its middle at 0
    scale = (settings.data_range / (2 if signed else 1)) ** 2
    return LevelConstants(
        c1=K1**2 * scale if last else NO_LUMINANCE,
        c2=K2**2 * scale,
        offset=-0.5 if signed and last else 0.0,
    )


def _levels(volume: NDArray[np.floating[Any]], settings: MsSsimSettings) -> tuple[Level, ...]:
    levels = []
    for number in range(settings.levels):
        volume = _halve(volume) if number else volume
        constants = constants_of(settings, last=number == settings.levels - 1)
        levels.append(_level(volume, settings, constants))
    return tuple(levels)


def _level(
    volume: NDArray[np.floating[Any]], settings: MsSsimSettings, constants: LevelConstants
) -> Level:
    reach = settings.reach
    # With an offset background is not 0 and the shortcut for it does not hold: keep everything.
    kept = np.ones(volume.shape, bool) if constants.offset else volume != -1
    low, high = reached(kept, reach) if kept.any() else ([0] * 3, [0] * 3)
    raw = mirrored_part(volume, low, high, reach)
    mean = window_means(raw, settings.taps)
    variance = window_means(raw * raw, settings.taps) - mean * mean
    c1, c2 = constants.c1, constants.c2
    alone = (c1 * c2) / ((mean * mean + c1) * (variance + c2))
    margin = reach if settings.borders == "complete" else 0
    complete = tuple(
        slice(max(margin - a, 0), max(min(b, size - margin) - a, 0))
        for a, b, size in zip(low, high, volume.shape, strict=True)
    )
    mask = raw[(slice(reach, -reach),) * 3] > 0
    moved = reach - margin
    return Level(
        part=WindowedVolume(
            np.array(low, np.int64) + moved,
            *(frozen(array, np.float64) for array in (raw, mean, variance)),
        ),
        shape=np.array(volume.shape, np.int64) + 2 * moved,
        positions=int(np.prod([size - 2 * margin for size in volume.shape])),
        whole_alone=float((alone[complete] - 1).sum()),
        foreground_alone=float(alone[mask].sum()),
        voxels=int(mask.sum()),
    )


def _halve(volume: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Average blocks of two voxels a side; an odd voxel at the end is left out."""
    half = np.full([size // 2 for size in volume.shape], -1.0)
    even = volume[tuple(slice(size // 2 * 2) for size in volume.shape)]
    kept = even != -1
    if not kept.any():
        return half
    low, high = reached(kept, 0)
    box = tuple(slice(a // 2, (b + 1) // 2) for a, b in zip(low, high, strict=True))
    blocks = even[tuple(slice(2 * ends.start, 2 * ends.stop) for ends in box)]
    parts = [blocks[s::2, a::2, r::2] for s, a, r in itertools.product((0, 1), repeat=3)]
    half[box] = np.mean(parts, axis=0, dtype=np.float64)
    return half
