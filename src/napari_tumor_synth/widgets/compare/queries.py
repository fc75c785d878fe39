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
from napari_tumor_synth.imaging.region import UNNAMED, Roi, RoiSettings
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
    known = thing if thing is None or isinstance(thing, Roi) else thing.roi
    channel = None if known is None else _channel_shown(layer, known)
    if known is None or channel is None:  # opened, or given other voxels
        sequences = known.sequences if known is not None and len(known.sequences) == 1 else UNNAMED
        own = _roi_of(layer, kind, sequences)
    else:
        _require_roi(np.asarray(layer.data, np.float32), layer.name, kind)  # painted, perhaps
        own = replace(known, image=known.image.copy(), mask=known.mask)
    return Query(layer.name, kind, own, _state_of(own, kind))


def _channel_shown(layer: Layer, roi: Roi) -> int | None:
    """Return which channel of an ROI a layer shows as it is: not mirrored, cropped or replaced."""
    shown = np.asarray(layer.data)
    place = shown.__array_interface__["data"], shown.shape, shown.strides, shown.dtype
    for channel, image in enumerate(roi.image):
        same = image.__array_interface__["data"], image.shape, image.strides, image.dtype
        if place == same:
            return channel
    return None


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


def _roi_of(layer: Layer, kind: Kind, sequences: tuple[str, ...]) -> Roi:
    if not isinstance(layer, Image) or layer.rgb or layer.multiscale or layer.ndim != 3:
        raise InputError(f"{layer.name} is no image in three dimensions.", _SELECT)
    if tuple(layer.axis_labels) != AXIS_LABELS:
        raise InputError(
            f"{layer.name} does not say where the patient's sides are.",
            "Open the ROI with Tumor Synth.",
        )
    image = np.asarray(layer.data, np.float32)
    _require_roi(image, layer.name, kind)
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
    return Roi(image[None], image > BACKGROUND, affine, sequences, settings)


def _require_roi(image: NDArray[np.float32], name: str, kind: Kind) -> None:
    if not np.isfinite(image).all():
        raise InputError(f"{name} holds voxels that are no numbers.", _SELECT)
    low, high = float(image.min()), float(image.max())
    spans_more = low < BACKGROUND - _ROUNDING or high > FOREGROUND_CEILING + _ROUNDING
    if spans_more or (low > BACKGROUND + _ROUNDING and not _may_fill_its_box(image, kind)):
        raise InputError(
            f"{name} is no ROI: its voxels are not from -1 to 1 with a background of -1.", _SELECT
        )
    if high <= BACKGROUND:
        raise InputError(f"{name} is empty: every voxel is background.", _SELECT)


def _may_fill_its_box(image: NDArray[np.float32], kind: Kind) -> bool:
    """Tell whether this may be an ROI without background, rather than one with another background.

    Only what is known to be an ROI may; one value in all corners is a background.
    """
    corners = image[np.ix_(*[(0, -1)] * 3)]
    return kind != "OPENED" and float(np.ptp(corners)) > 0
