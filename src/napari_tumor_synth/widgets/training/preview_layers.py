"""Volumes of a run under way as layers: a row of ROIs for each kind, the rows below each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.widgets.layer_data import image_layer
from napari_tumor_synth.widgets.planes.box import Box

if TYPE_CHECKING:
    from napari.types import LayerData
    from numpy.typing import NDArray

    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.training.runs.previews import Preview
    from napari_tumor_synth.widgets.planes.crosshair import Position

_HELD_OUT = "held out"


@dataclass(frozen=True, eq=False)
class ShownPreview:
    """What a viewer shows of a run.

    Attributes
    ----------
    kind : str
        ``"reconstructions"`` or ``"samples"``.
    preview : Preview
    run : str
        Name of the run.
    patient_data : bool
        Whether its ROIs may come from patients.
    """

    kind: str
    preview: Preview
    run: str
    patient_data: bool

    @property
    def badge(self) -> str:
        """What the panes are marked with."""
        return "SYNTHETIC" if self.kind == "samples" else "IN TRAINING"

    @property
    def grid(self) -> tuple[int, int, int]:
        """Voxels of one ROI."""
        s, a, r = next(iter(self.preview.volumes.values())).shape[-3:]
        return s, a, r

    def caption(self, label: str) -> str:
        """Return what the box around a row says."""
        if self.kind == "samples":
            return f"SYNTHETIC {label}"
        if label == _HELD_OUT:
            return "REAL" if self.patient_data else "SIMULATED"
        return label.upper()


@dataclass(frozen=True, eq=False)
class PreviewRow:
    """One row of ROIs.

    Attributes
    ----------
    label : str
        What they are.
    layer : LayerData
        The ROIs from the patient's right to the left, as one image.
    box : Box
        Around them.
    first : tuple of float
        Middle of the first ROI, (S, A, R) in mm.
    """

    label: str
    layer: LayerData
    box: Box
    first: Position


def preview_rows(shown: ShownPreview, frame: DisplayFrame) -> Iterator[PreviewRow]:
    """Yield the rows from the top, all of them together around the origin."""
    volumes, spacing = shown.preview.volumes, shown.preview.spacing_mm
    height = shown.grid[0]
    for number, (label, stack) in enumerate(volumes.items()):
        image = _row(stack)
        from_top = (len(volumes) - 1) / 2 - number
        middle = np.array([0.0, 0.0, from_top * height * spacing])  # along R, A and S
        directions = frame.axes * spacing
        affine = np.eye(4)
        affine[:3, :3] = directions
        affine[:3, 3] = frame.axes @ middle - directions @ (
            (np.array(image.shape[::-1]) - 1) / 2
        )  # fmt: skip
        placed = frame.place(affine)
        low = np.array(placed.translate) - spacing / 2
        high = low + spacing * np.array(image.shape)
        rightmost = high[2] - spacing * stack.shape[-1] / 2
        first = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2, float(rightmost))
        box = Box(tuple(low.tolist()), tuple(high.tolist()), shown.caption(label))
        yield PreviewRow(label, _layer(shown, label, image, affine, frame), box, first)


def _row(stack: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the first channel of ROIs (N, C, S, A, R) beside each other, the first at the right.

    The patient's right is at the left of the screen, where a row begins.
    """
    return np.concatenate(list(stack[::-1, 0]), axis=2).astype(np.float32)


def _layer(
    shown: ShownPreview,
    label: str,
    image: NDArray[np.float32],
    affine: NDArray[np.float64],
    frame: DisplayFrame,
) -> LayerData:
    made = shown.kind == "samples" or label != _HELD_OUT
    about = {
        "synthetic": made,
        "description": f"{shown.kind} of the run {shown.run}: {label}; {shown.preview.title}",
        "run": shown.run,
    }
    name = f"{shown.caption(label)}, {shown.preview.title}"
    data, attributes, kind = image_layer(Volume(image, affine), frame, name, about)
    look = {
        "contrast_limits": (BACKGROUND, FOREGROUND_CEILING),
        "rendering": "attenuated_mip",
    }
    return data, {**attributes, **look}, kind
