"""Save image and labels layers on the patient's grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.widgets.layer_data import AXIS_LABELS, affine_of_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.imaging.volume import Volume


def write_layer(path: str, data: NDArray[Any], attributes: dict[str, Any]) -> list[str]:
    """Write one layer; the axis order and affine are those of the file it was read from.

    Parameters
    ----------
    path : str
        .nii, .nii.gz, .nrrd or .mha.
    data : ndarray, (S, A, R)
    attributes : dict
        Of the layer.

    Raises
    ------
    OutputError
        The layer does not say where the patient's sides are, is turned, or cannot be written.
    """
    from napari_tumor_synth.imaging.writing import write_volume

    volume = volume_of_layer(data, attributes)
    description = str(attributes.get("metadata", {}).get("description", ""))
    write_volume(volume, Path(path), description=description)
    return [path]


def volume_of_layer(data: NDArray[Any], attributes: dict[str, Any]) -> Volume:
    """Return the volume that a layer shows.

    Raises
    ------
    OutputError
        As `write_layer`.
    """
    from napari_tumor_synth.imaging.volume import Volume

    name = attributes.get("name", "The layer")
    if tuple(attributes.get("axis_labels") or ()) != AXIS_LABELS or np.ndim(data) != 3:
        raise OutputError(
            f"{name} does not say where the patient's sides are: its axes are not named S, A, R.",
            "Open the image with Tumor Synth, or name its axes S, A, R if you are sure of them.",
        )
    if _is_turned(attributes):
        raise OutputError(
            f"{name} is turned or sheared on the screen.", "Reset its transformation and save."
        )
    metadata = attributes.get("metadata", {})
    affine = affine_of_layer(
        attributes["scale"], attributes["translate"], metadata.get("display_axes")
    )
    array = np.asarray(data)
    source = metadata.get("source_grid")
    if source is not None and np.allclose(source.canonical_affine, affine, rtol=0, atol=1e-6):
        stored = Volume(array, source.canonical_affine)
        if _shape_of(source) == stored.shape:
            return Volume(array, source.canonical_affine, source)
    return Volume(array, affine)


def _shape_of(source: Any) -> tuple[int, ...]:
    empty = np.broadcast_to(np.zeros((), np.uint8), source.shape)
    return tuple(source.to_canonical(empty).shape)


def _is_turned(attributes: dict[str, Any]) -> bool:
    identities = (("rotate", np.eye(3)), ("shear", np.zeros(3)), ("affine", np.eye(4)))
    return any(
        attributes.get(name) is not None and not np.allclose(attributes[name], identity)
        for name, identity in identities
    )
