"""Which curves belong together, and on one axis: those of one kind and unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Curve = NDArray[np.float64]

LOSSES, CODEBOOK, HELD_OUT, CRITIC = "Losses", "Codebook", "Held-out ROIs", "Discriminator"
GROUPS = (LOSSES, CODEBOOK, HELD_OUT, CRITIC)
_HELD_OUT = "validation "
_MOST_POINTS = 1000


@dataclass(frozen=True)
class AxisContent:
    """What one axis shows.

    Attributes
    ----------
    title : str
        Above it, with the unit.
    curves : dict of str to str
        Label of each curve, by its name in the file.
    """

    title: str
    curves: dict[str, str]


def axes_of(names: Iterable[str], group: str) -> list[AxisContent]:
    """Return the axes of a group, from the top, for those of its curves that there are."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        place = _place_of(name)
        if place is not None and place[0] == group:
            found.setdefault(place[1], {})[name] = place[2]
    titles = [title for title in _TITLES if title in found]
    return [AxisContent(title, found[title]) for title in titles]


def groups_of(names: Iterable[str]) -> list[str]:
    """Return the groups that have curves."""
    there = {place[0] for name in names if (place := _place_of(name)) is not None}
    return [group for group in GROUPS if group in there]


def thinned(curve: Curve) -> Curve:
    """Return a curve of at most so many points as a screen shows; peaks stay.

    Parameters
    ----------
    curve : ndarray, (2, N)
        Steps and values; what is not finite is left out.
    """
    curve = curve[:, np.isfinite(curve[1])]
    count = curve.shape[1]
    if count <= _MOST_POINTS:
        return curve
    parts = np.array_split(np.arange(count), _MOST_POINTS // 2)
    ends = [(part[curve[1, part].argmin()], part[curve[1, part].argmax()]) for part in parts]
    kept = np.unique([0, count - 1, *(place for pair in ends for place in pair)])
    return curve[:, kept]


def stages_of(curves: Mapping[tuple[str, str], Curve], order: Sequence[str]) -> list[str]:
    """Return the stages that have curves, in the order of the run."""
    there = {stage for stage, _ in curves}
    return [stage for stage in order if stage in there] + sorted(there - set(order))


_TITLES = (
    "Losses, mean of 20 steps",
    "Share of codes in use",
    "Perplexity of codes",
    "PSNR (dB)",
    "3D-SSIM",
    "Nats a position",
    "Loss of the discriminator",
    "Share of patches told right",
    "Mean score of patches",
    "Other figures",
)


def _place_of(name: str) -> tuple[str, str, str] | None:
    """Return group, title and label of a curve."""
    held_out = name.startswith(_HELD_OUT)
    plain = name.removeprefix(_HELD_OUT)
    kind, _, level = plain.rpartition(" ")
    if kind in ("usage", "perplexity"):
        title = "Share of codes in use" if kind == "usage" else "Perplexity of codes"
        return CODEBOOK, title, f"level {level}{', held out' if held_out else ''}"
    if plain.endswith("psnr"):
        return HELD_OUT, "PSNR (dB)", "whole ROI" if plain == "psnr" else "tumour"
    if plain.endswith("ssim"):
        return HELD_OUT, "3D-SSIM", "tumour" if "foreground" in plain else "whole ROI"
    if plain.endswith("nats a position"):
        return HELD_OUT, "Nats a position", "held out" if held_out else "training"
    if plain == "critic":
        return CRITIC, "Loss of the discriminator", "loss"
    if plain.startswith("critic right on "):
        return CRITIC, "Share of patches told right", plain.removeprefix("critic right on ")
    if plain.startswith("critic "):
        return CRITIC, "Mean score of patches", plain.removeprefix("critic ")
    if held_out or name.startswith("training "):
        return HELD_OUT, "Other figures", plain
    return LOSSES, "Losses, mean of 20 steps", name.replace("_", " ")
