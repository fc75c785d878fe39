"""Which layers the planes are about, and where these lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from napari.layers import Image, Labels, Layer

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.planes.crosshair import Position


def is_in_planes(layer: Layer) -> TypeGuard[Image | Labels]:
    """Tell whether the planes show a layer: images and labels in three dimensions.

    Pictures (two dimensions) and series (four or more) have no place along (S, A, R); points,
    surfaces and the like have no voxels.
    """
    return isinstance(layer, Image | Labels) and layer.ndim == 3


def extent_of(layers: Iterable[Layer]) -> tuple[Position, Position] | None:
    """Return the corners (S, A, R) in mm of all layers in three dimensions together.

    Layers of other dimensions, and those with nothing in them, are left out. None if none is left.
    """
    corners = [layer.extent.world for layer in layers if layer.ndim == 3]
    corners = [pair for pair in corners if np.isfinite(pair).all()]
    if not corners:
        return None
    together = np.stack(corners)
    low, high = together[:, 0].min(axis=0).tolist(), together[:, 1].max(axis=0).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
