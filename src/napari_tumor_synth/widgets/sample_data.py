"""Simulated cases in napari's menu File > Open Sample."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.types import LayerData

_SHOWN = "flair"
_NAMES = {"t2": "T2", "t1ce": "T1ce", "t1": "T1", "flair": "FLAIR"}  # FLAIR comes on top


def phantom_hgg() -> list[LayerData]:
    """Return a simulated high-grade glioma: four sequences and their segmentation."""
    return _layers("HGG")


def phantom_lgg() -> list[LayerData]:
    """Return a simulated low-grade glioma: four sequences and their segmentation."""
    return _layers("LGG")


def _layers(class_name: str) -> list[LayerData]:
    from napari_tumor_synth.errors import OutputError
    from napari_tumor_synth.folders import cache_folder
    from napari_tumor_synth.widgets.preferences import preferences

    try:
        return _layers_kept_in(cache_folder(preferences().cache_folder), class_name)
    except OutputError:  # a sample can be shown without being kept
        with TemporaryDirectory() as folder:
            return _layers_kept_in(Path(folder), class_name)


def _layers_kept_in(cache: Path, class_name: str) -> list[LayerData]:
    from napari_tumor_synth.widgets.layer_data import image_layer, labels_layer
    from napari_tumor_synth.workflows.open_case import open_case
    from napari_tumor_synth.workflows.sample_cases import SAMPLE_SEED, sample_case

    case = open_case(sample_case(class_name, cache))
    metadata = {"simulated": True, "class": class_name, "seed": SAMPLE_SEED}
    layers = []
    for sequence, shown in _NAMES.items():
        name = f"Phantom {class_name} {shown}"
        data, attributes, kind = image_layer(case.images[sequence], case.frame, name, metadata)
        layers.append((data, {**attributes, "visible": sequence == _SHOWN}, kind))
    name = f"Phantom {class_name} segmentation"
    return [*layers, labels_layer(case.segmentation, case.frame, name, metadata)]
