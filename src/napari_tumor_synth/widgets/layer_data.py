"""What napari gets to show: layers whose world is the patient, in mm along (S, A, R)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap, ensure_colormap
from napari.utils.transforms import Affine

from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING

if TYPE_CHECKING:
    from napari.types import LayerData
    from numpy.typing import NDArray

    from napari_tumor_synth.imaging.roi import Roi
    from napari_tumor_synth.imaging.volume import Volume

AXIS_LABELS = ("S", "A", "R")
UNITS = ("mm", "mm", "mm")
_BRIGHTEST = 99.9  # percentile of what is not background; a few voxels are far brighter


def image_layer(
    volume: Volume, frame: DisplayFrame, name: str, metadata: dict[str, Any] | None = None
) -> LayerData:
    """Return a grey image over its window from 0 to nearly its brightest voxel."""
    look: dict[str, Any] = {"name": name, "colormap": "gray", "gamma": 1.0, "opacity": 1.0}
    look["contrast_limits"] = window_of(volume.array)
    return volume.array, {**_place(volume.affine, frame, metadata, volume), **look}, "image"


def labels_layer(
    volume: Volume, frame: DisplayFrame, name: str, metadata: dict[str, Any] | None = None
) -> LayerData:
    """Return a segmentation, half transparent."""
    place = _place(volume.affine, frame, metadata, volume)
    return volume.array, {**place, "name": name, "opacity": 0.4}, "labels"


def roi_layer(
    roi: Roi,
    frame: DisplayFrame,
    name: str,
    metadata: dict[str, Any] | None = None,
    sequence: str | None = None,
) -> LayerData:
    """Return one sequence of an ROI, black where there is no tumour."""
    look = {
        "name": name,
        "colormap": "gray",
        "contrast_limits": (BACKGROUND, FOREGROUND_CEILING),
        "rendering": "attenuated_mip",
    }
    image = roi.image[roi.channel(sequence)]
    return image, {**_place(roi.affine, frame, metadata), **look}, "image"


def see_through(name: str) -> Colormap:
    """Return a colour map whose lowest value is transparent."""
    colours = ensure_colormap(name).map(np.linspace(0, 1, 256))
    colours[0, 3] = 0
    return Colormap(colours, name=f"{name} over black")


def window_of(array: NDArray[Any]) -> tuple[float, float]:
    """Return the display window of an image whose background is 0."""
    seen = array[array > 0]
    highest = float(np.percentile(seen, _BRIGHTEST)) if seen.size else float(array.max())
    lowest = min(0.0, float(array.min()))
    return lowest, highest if highest > lowest else lowest + 1


def is_same(one: Any, other: Any) -> bool:
    """Return whether an attribute of a layer has this value already."""
    if isinstance(one, Affine):
        return np.array_equal(one.affine_matrix, other.affine_matrix)
    if isinstance(one, np.ndarray | tuple | list):
        return np.array_equal(one, other)
    return one is other or (isinstance(one, str | float | bool) and bool(one == other))


def affine_of_layer(
    scale: NDArray[Any], translate: NDArray[Any], axes: NDArray[Any] | None
) -> NDArray[np.float64]:
    """Return the canonical affine (r, a, s) -> RAS mm of a layer's grid.

    Parameters
    ----------
    scale, translate : array-like of 3 floats
        Of the layer, in the order (S, A, R).
    axes : ndarray, (3, 3), optional
        `DisplayFrame.axes` that the layer is shown along; None for anatomical axes.
    """
    directions = np.eye(3) if axes is None else np.asarray(axes, np.float64)
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray(scale, np.float64)[::-1]
    affine[:3, 3] = directions @ np.asarray(translate, np.float64)[::-1]
    return affine


def _place(
    affine: NDArray[np.float64],
    frame: DisplayFrame,
    metadata: dict[str, Any] | None,
    volume: Volume | None = None,
) -> dict[str, Any]:
    placed = frame.place(affine)
    source = None if volume is None else volume.source
    return {
        "scale": placed.scale,
        "translate": placed.translate,
        "axis_labels": AXIS_LABELS,
        "units": UNITS,
        "metadata": {
            **(metadata or {}),
            "affine": affine,
            "display_axes": frame.axes,
            "oblique_degrees": frame.obliquity_degrees,
            "source_grid": source,
        },
    }
