"""Where ROIs are shown: at their place in the patient, or beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tumor_synth.widgets.planes.box import Box

if TYPE_CHECKING:
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.imaging.region import Roi
    from napari_tumor_synth.widgets.planes.crosshair import Position


def box_of(roi: Roi, frame: DisplayFrame, caption: str = "") -> Box:
    """Return an ROI's box, up to the faces of its outermost voxels."""
    placed = frame.place(roi.affine)
    scale, first = np.array(placed.scale), np.array(placed.translate)
    low, high = first - scale / 2, first + scale * (np.array(roi.shape) - 0.5)
    return Box(tuple(low.tolist()), tuple(high.tolist()), caption)


def middle_of(roi: Roi, frame: DisplayFrame) -> Position:
    """Return the middle of an ROI on the display, (S, A, R) in mm."""
    box = box_of(roi, frame)
    s, a, r = (np.array(box.low) + np.array(box.high)) / 2
    return float(s), float(a), float(r)


def affine_at(roi: Roi, frame: DisplayFrame, real: Roi | None) -> Any:
    """Return where a synthetic ROI is shown: centred on the real one, or on the origin."""
    centre = np.zeros(3) if real is None else _centre(real)
    directions = frame.axes * np.linalg.norm(roi.affine[:3, :3], axis=0)
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = centre - directions @ ((np.array(roi.shape[::-1]) - 1) / 2)
    return affine


def affine_beside(roi: Roi, frame: DisplayFrame, real: Roi | None) -> Any:
    """Return the place next to that of `affine_at`, at the patient's right."""
    affine = affine_at(roi, frame, real)
    affine[:3, 3] += affine[:3, 0] * roi.shape[2]
    return affine


def _centre(roi: Roi) -> Any:
    middle = (np.array(roi.shape[::-1]) - 1) / 2
    return roi.affine[:3, :3] @ middle + roi.affine[:3, 3]
