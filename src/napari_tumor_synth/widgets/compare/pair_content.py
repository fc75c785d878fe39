"""What the panes show of two images, and how each pane is marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_tumor_synth.widgets.compare.pair_words import transform_badges
from napari_tumor_synth.widgets.planes.anatomy import PLANES, Plane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_tumor_synth.widgets.compare.pair import Pair

Key = tuple[int, Plane]
"""Column (0 for the chosen ROI and for both in one, 1 for the real one) and plane."""


@dataclass(frozen=True, eq=False)
class Content:
    """Images of some panes; the others are empty.

    Attributes
    ----------
    images : mapping of Key to ndarray of float32, (S, A, R)
    kinds : tuple of str
        What the images of each column are.
    badges : tuple of tuple of str
        Marks of each column.
    """

    images: Mapping[Key, NDArray[np.float32]]
    kinds: tuple[str, str]
    badges: tuple[tuple[str, ...], tuple[str, ...]]


def nothing() -> Content:
    """Return empty panes."""
    return Content({}, ("", ""), ((), ()))


def side_by_side(pair: Pair, channel: int) -> Content:
    """Return the chosen ROI in the first column and the real one in the second."""
    columns = (pair.chosen[channel], pair.match[channel])
    images = {(column, plane): columns[column] for column in (0, 1) for plane in PLANES}
    one, other = pair.kinds
    return Content(images, pair.kinds, ((one, *transform_badges(pair.transform)), (other,)))


def difference(pair: Pair, channel: int, *, absolute: bool) -> Content:
    """Return the chosen ROI minus the real one."""
    image = pair.difference(channel, absolute=absolute)
    one, other = pair.kinds
    what = ("absolute",) if absolute else ()
    badges = (one, f"minus {other}", *what, *transform_badges(pair.transform))
    images = {(0, plane): image for plane in PLANES}
    return Content(images, (f"{one} minus {other}", ""), (badges, ()))


def swiped(pair: Pair, channel: int, lines: Mapping[Plane, tuple[int, float, bool]]) -> Content:
    """Return the chosen ROI left of a line, and the real one right of it.

    Parameters
    ----------
    pair : Pair
    channel : int
    lines : mapping
        In each plane the horizontal axis, where the line is on it in mm, and whether the axis
        points to the right of the screen.
    """
    images = {
        (0, plane): pair.swiped(channel, axis, at, toward_right=toward_right)
        for plane, (axis, at, toward_right) in lines.items()
    }
    return Content(images, (" and ".join(pair.kinds), ""), ((), ()))
