"""What is looked up: an ROI as it is shown, and whether it is synthetic."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image
from pydantic import ValidationError

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING
from napari_tumor_synth.imaging.phantom.settings import SIMULATED_NOTICE
from napari_tumor_synth.imaging.region import Roi, RoiSettings
from napari_tumor_synth.widgets.layer_data import AXIS_LABELS

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_tumor_synth.widgets.session import Session

Kind = Literal["SYNTHETIC", "REAL", "SIMULATED", "OPENED"]
"""What an ROI is marked as; of an opened one without a notice nobody knows where it is from."""

_SYNTHETIC = "SYNTHETIC"  # how the notice in headers begins
_ROUNDING = 1e-6  # of intensities in files
_TOLERANCE = 1e-3  # relative, of spacings
_SELECT = "Select a synthetic ROI, the ROI of a case, or a saved ROI."


@dataclass(frozen=True, eq=False)
class Query:
    """An ROI to be looked up, with voxels of its own that nobody changes.

    Attributes
    ----------
    name : str
        Of its layer.
    kind : Kind
    roi : Roi
    state : int
        Hash of voxels, grid and kind: another one is another query.
    """

    name: str
    kind: Kind
    roi: Roi
    state: int


def query_of(session: Session, layer: Layer, thing: Any) -> Query:
    """Return what a layer shows.

    Parameters
    ----------
    session : Session
    layer : Layer
    thing : Roi or SyntheticRoi or None
        What the layer was made for; None for one that somebody else has opened.

    Raises
    ------
    InputError
        The layer is no ROI.
    """
    kind = _kind_of(session, layer, thing)
    roi = thing if thing is None or isinstance(thing, Roi) else thing.roi
    if roi is None or not np.may_share_memory(layer.data, roi.image):  # given other voxels
        roi = _roi_of(layer, may_fill_box=kind != "OPENED")
    own = replace(roi, image=roi.image.copy(), mask=roi.mask)
    return Query(layer.name, kind, own, _state_of(own, kind))


def _kind_of(session: Session, layer: Layer, thing: Any) -> Kind:
    if isinstance(thing, Roi):
        return "SIMULATED" if session.case is not None and session.case.simulated else "REAL"
    description = str(layer.metadata.get("description", ""))
    says_so = layer.metadata.get("synthetic") or description.startswith(_SYNTHETIC)
    if thing is not None or says_so:
        return "SYNTHETIC"
    return "SIMULATED" if description == SIMULATED_NOTICE else "OPENED"


def _state_of(roi: Roi, kind: Kind) -> int:
    about = f"{kind} {roi.image.shape} {roi.settings.spacing_mm} {roi.sequences}"
    return zlib.crc32(np.ascontiguousarray(roi.image).data, zlib.crc32(about.encode()))


def _roi_of(layer: Layer, *, may_fill_box: bool) -> Roi:
    if not isinstance(layer, Image) or layer.rgb or layer.multiscale or layer.ndim != 3:
        raise InputError(f"{layer.name} is no image in three dimensions.", _SELECT)
    if tuple(layer.axis_labels) != AXIS_LABELS:
        raise InputError(
            f"{layer.name} does not say where the patient's sides are.",
            "Open the ROI with Tumor Synth.",
        )
    image = np.asarray(layer.data, np.float32)
    _require_roi(image, layer.name, may_fill_box=may_fill_box)
    image = image.clip(BACKGROUND, FOREGROUND_CEILING)
    spacing = np.asarray(layer.scale, float)
    if not np.allclose(spacing, spacing[0], rtol=_TOLERANCE):
        raise InputError(f"The voxels of {layer.name} are not cubes.", _SELECT)
    try:
        settings = RoiSettings(size=image.shape, spacing_mm=float(spacing[0]))
    except ValidationError:
        raise InputError(
            f"{layer.name} has {' x '.join(map(str, image.shape))} voxels of {spacing[0]:g} mm.",
            "An ROI has 8 to 512 voxels an axis, of 0.1 to 10 mm.",
        ) from None
    affine = np.diag([*spacing, 1.0])
    return Roi(image[None], image > BACKGROUND, affine, ("image",), settings)


def _require_roi(image: NDArray[np.float32], name: str, *, may_fill_box: bool) -> None:
    if not np.isfinite(image).all():
        raise InputError(f"{name} holds voxels that are no numbers.", _SELECT)
    low, high = float(image.min()), float(image.max())
    spans_more = low < BACKGROUND - _ROUNDING or high > FOREGROUND_CEILING + _ROUNDING
    if spans_more or (low > BACKGROUND and not may_fill_box):
        raise InputError(
            f"{name} is no ROI: its voxels are not from -1 to 1 with a background of -1.", _SELECT
        )
    if high <= BACKGROUND:
        raise InputError(f"{name} is empty: every voxel is background.", _SELECT)
