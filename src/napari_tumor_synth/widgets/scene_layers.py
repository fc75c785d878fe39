"""The layers of a scene that are ROIs: previews, samples and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tumor_synth.widgets.colour_bar import IMPORTANCE_COLOURS
from napari_tumor_synth.widgets.layer_data import roi_layer, see_through
from napari_tumor_synth.widgets.planes_link import OVERLAY

if TYPE_CHECKING:
    from napari.types import LayerData
    from numpy.typing import NDArray

    from napari_tumor_synth.generators.provenance import Provenance
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.imaging.region import Roi


def preview_layer(roi: Roi, frame: DisplayFrame, case_name: str, *, visible: bool) -> LayerData:
    """Return the ROI of a case in colours, to lie over its parent."""
    about = {"roi": True, OVERLAY: True}
    data, attributes, kind = roi_layer(roi, frame, f"{case_name} ROI", about)
    look = {"colormap": see_through("magma"), "blending": "translucent", "opacity": 0.8}
    return data, {**attributes, **look, "visible": visible}, kind


def sample_layer(placed: Roi, frame: DisplayFrame, record: Provenance) -> LayerData:
    """Return a synthetic ROI, hidden, with its whole provenance."""
    metadata = {
        "synthetic": True,
        "description": record.notice,
        "provenance": record.model_dump(mode="json"),
    }
    name = f"SYNTHETIC {record.class_name} seed {record.seed}"
    data, attributes, kind = roi_layer(placed, frame, name, metadata)
    return data, {**attributes, "visible": False}, kind


def importance_layer(scores: NDArray[Any], placed: Roi, frame: DisplayFrame) -> LayerData:
    """Return the scores of an ROI, (S, A, R) on its grid, as an overlay."""
    place = roi_layer(placed, frame, "Importance", {OVERLAY: True})[1]
    look = {
        "colormap": see_through(IMPORTANCE_COLOURS),
        "blending": "translucent_no_depth",
        "contrast_limits": (0.0, max(float(scores.max()), 1e-6)),
    }
    return scores, {**place, **look}, "image"
