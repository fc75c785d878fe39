"""The region of interest that generators work on: a masked tumour in one box.

After Zhou et al. (2023, section 3.3): image times whole-tumour mask, cropped or padded to one size
around the mask. Their removal of empty slices and their centring are done here once for
the whole volume, never slice by slice, so that anatomy stays connected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import EmptySegmentationError, GridMismatchError
from napari_tumor_synth.imaging.intensity import BACKGROUND, IntensityWindow, robust_window
from napari_tumor_synth.imaging.region import ParentGrid, Roi, RoiSettings
from napari_tumor_synth.imaging.resampling import (
    affine_of_box,
    box_around,
    box_of_affine,
    covered_share,
    resample_masked,
    whole_ratio,
)
from napari_tumor_synth.imaging.roi_checks import edge_warnings, image_warnings, loss_warnings
from napari_tumor_synth.imaging.volume import Volume, require_same_grid

__all__ = [
    "IntensityWindow",
    "ParentGrid",
    "Roi",
    "RoiSettings",
    "extract_roi",
    "put_back",
    "regrid_roi",
]


def extract_roi(
    images: Mapping[str, Volume], segmentation: Volume, settings: RoiSettings | None = None
) -> Roi:
    """Cut the ROI of a case.

    One box for all sequences is centred on the bounding box of the tumour. Where the parent's
    spacing equals the settings' (within 0.1 %), voxels are copied by a whole shift; otherwise they
    are resampled along the parent's own axes from tumour voxels only (area means when coarser).

    Parameters
    ----------
    images : mapping of str to Volume
        The sequences that become channels, in this order.
    segmentation : Volume
        Labels on the same grid.

    Raises
    ------
    GridMismatchError
        Image and segmentation lie on different grids.
    EmptySegmentationError
        No voxel has the labels asked for, or the tumour is smaller than half a voxel.
    VolumeError
        A sequence is constant.
    """
    settings = settings or RoiSettings()
    if not images:
        raise ValueError("at least one sequence is needed")
    for sequence, image in images.items():
        require_same_grid(image, segmentation, sequence)
    mask = _tumour_mask(segmentation.array, settings.labels)
    ratios = [whole_ratio(settings.spacing_mm / spacing) for spacing in segmentation.spacing]
    box = box_around(mask, settings.size, ratios)
    parents = [image.array for image in images.values()]
    parent_affine = next(iter(images.values())).affine
    intensities, inside = resample_masked(parents, mask, box)
    _require_some_tumour(inside, settings)
    windows = tuple(robust_window(parent, settings.percentiles) for parent in parents)
    lost = 1 - covered_share(mask, box)
    warnings = edge_warnings(mask) + loss_warnings(lost, _extent(settings))
    warnings += [f"segmentation: {note}" for note in segmentation.notes]
    for sequence, image in images.items():
        warnings += [f"{sequence}: {note}" for note in image.notes]
        warnings += image_warnings(sequence, image, mask)
    return Roi(
        image=np.stack(
            [
                _with_background(window.to_roi_scale(channel), inside)
                for window, channel in zip(windows, intensities, strict=True)
            ]
        ),
        mask=inside,
        affine=affine_of_box(parent_affine, box),
        sequences=tuple(images),
        settings=settings,
        windows=windows,
        lost_fraction=lost,
        warnings=tuple(warnings),
        parent=ParentGrid(segmentation.shape, parent_affine),
    )


def put_back(roi: Roi, parent: Volume, sequence: str | None = None) -> Volume:
    """Lay one sequence of an ROI into a parent, in the parent's units and on its grid.

    The parent keeps its values outside the mask. An ROI that was cut by a whole shift gives back
    the parent's own values inside, up to the clipping of its window.

    Parameters
    ----------
    roi : Roi
        Real or synthetic; without a recorded window the parent's own is taken.
    parent : Volume
        Any volume whose axes are parallel to the ROI's.
    sequence : str or None
        The channel to take; None takes the first.

    Raises
    ------
    GridMismatchError
        The axes are not parallel, or the tumour lies outside the parent.
    """
    channel = roi.channel(sequence)
    grid = box_of_affine(roi.affine, parent.affine, parent.shape)
    if grid is None:
        raise GridMismatchError(
            "The ROI and the volume have axes that are not parallel.",
            "Put the ROI back into the volume that it was cut from.",
        )
    values, inside = resample_masked(roi.image[channel : channel + 1], roi.mask, grid)
    if not inside.any():
        raise GridMismatchError(
            "The tumour of the ROI lies outside the volume.",
            "Put the ROI back into the volume that it was cut from.",
        )
    window = (
        roi.windows[channel]
        if roi.windows
        else robust_window(parent.array, roi.settings.percentiles)
    )
    array = parent.array.astype(np.float32)
    array[inside] = window.to_parent_scale(values[0, inside])
    return replace(parent, array=array)


def regrid_roi(roi: Roi, size: Sequence[int], spacing: float) -> Roi:
    """Bring an ROI to another grid, for example a model's, by the rules of `extract_roi`.

    Only tumour voxels are weighed, so that the background does not bleed into the edge.

    Parameters
    ----------
    size : sequence of int
        Voxels along (S, A, R).
    spacing : float
        Voxel edge in mm.

    Raises
    ------
    EmptySegmentationError
        The mask is empty, or smaller than half a voxel of the new grid.
    """
    settings = RoiSettings.model_validate(
        {**roi.settings.model_dump(), "size": tuple(size), "spacing_mm": spacing}
    )
    ratios = [whole_ratio(spacing / current) for current in roi.spacing]
    if roi.shape == settings.size and all(ratio == 1 for ratio in ratios):
        return replace(roi, settings=settings)
    _require_some_tumour(roi.mask, settings)
    box = box_around(roi.mask, settings.size, ratios)
    values, inside = resample_masked(roi.image, roi.mask, box)
    _require_some_tumour(inside, settings)
    lost = 1 - covered_share(roi.mask, box)
    return replace(
        roi,
        image=np.stack([_with_background(channel, inside) for channel in values]),
        mask=inside,
        affine=affine_of_box(roi.affine, box),
        settings=settings,
        lost_fraction=1 - (1 - roi.lost_fraction) * (1 - lost),
        warnings=(
            *roi.warnings,
            *loss_warnings(lost, _extent(settings)),
        ),
    )


def _tumour_mask(labels: NDArray[Any], wanted: tuple[int, ...] | None) -> NDArray[np.bool_]:
    mask = labels > 0 if wanted is None else np.isin(labels, wanted)
    if mask.any():
        return mask
    present = [str(label) for label in np.unique(labels) if label > 0]
    if not present:
        raise EmptySegmentationError(
            "The segmentation is empty: every voxel is 0.", "Give the segmentation of a tumour."
        )
    raise EmptySegmentationError(
        f"The segmentation holds none of the labels {', '.join(map(str, wanted or ()))}.",
        f"Choose among the labels that it holds: {', '.join(present)}.",
    )


def _require_some_tumour(mask: NDArray[np.bool_], settings: RoiSettings) -> None:
    if not mask.any():
        raise EmptySegmentationError(
            f"No voxel of {settings.spacing_mm:g} mm is tumour by half.", "Choose a finer spacing."
        )


def _with_background(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(mask, values, BACKGROUND).astype(np.float32)


def _extent(settings: RoiSettings) -> str:
    return " x ".join(f"{length * settings.spacing_mm:g}" for length in settings.size) + " mm"
