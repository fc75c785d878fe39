"""NIfTI, NRRD and MetaImage for napari, anatomically right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_tumor_synth.imaging.input_file import image_suffix

if TYPE_CHECKING:
    from napari.types import LayerData

    from napari_tumor_synth.imaging.volume import Volume

Paths = str | Path | Sequence[str | Path]
_MOST_LABELS = 20  # of a file whose name does not say that it is a segmentation


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return the function that reads these files, or None when one is of another kind."""
    return read_layers if all(image_suffix(one) for one in _paths(path)) else None


def read_layers(path: Paths) -> list[LayerData]:
    """Read files as layers whose world coordinates are RAS millimetres, in (S, A, R) order.

    Raises
    ------
    VolumeError
        A file is damaged, 4D or not finite.
    """
    return [_layer(one) for one in _paths(path)]


def _layer(path: Path) -> LayerData:
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.imaging.header_text import description_in
    from napari_tumor_synth.imaging.reading import read_image
    from napari_tumor_synth.widgets.layer_data import image_layer, labels_layer
    from napari_tumor_synth.workflows.roi import stem_of

    name = stem_of(path)
    metadata: dict[str, object] = {"description": description_in(path) or ""}
    labels = _labels(path)
    if labels is not None:
        return labels_layer(labels, DisplayFrame.of(labels), name, _with_notes(metadata, labels))
    image = read_image(path)
    return image_layer(image, DisplayFrame.of(image), name, _with_notes(metadata, image))


def _labels(path: Path) -> Volume | None:
    """Return a file as labels if its name or its few whole numbers say that it is some."""
    import numpy as np

    from napari_tumor_synth.errors import VolumeError
    from napari_tumor_synth.imaging.reading import read_segmentation
    from napari_tumor_synth.workflows.case_files import is_named_as_segmentation

    try:
        volume = read_segmentation(path)
    except VolumeError:
        return None  # an image; or damaged, which reading it as one will say
    few = np.count_nonzero(np.bincount(volume.array.ravel())) <= _MOST_LABELS
    return volume if few or is_named_as_segmentation(path) else None


def _with_notes(metadata: dict[str, object], volume: Volume) -> dict[str, object]:
    return {**metadata, "notes": volume.notes}


def _paths(path: Paths) -> list[Path]:
    return [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
