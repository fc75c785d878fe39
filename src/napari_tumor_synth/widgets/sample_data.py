"""Simulated cases in napari's menu File > Open Sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.types import LayerData

SEED = 1
_SHOWN = "flair"
_NAMES = {"flair": "FLAIR", "t1": "T1", "t1ce": "T1ce", "t2": "T2"}


def phantom_hgg() -> list[LayerData]:
    """Return a simulated high-grade glioma: four sequences and their segmentation."""
    return _layers("HGG")


def phantom_lgg() -> list[LayerData]:
    """Return a simulated low-grade glioma: four sequences and their segmentation."""
    return _layers("LGG")


def _layers(class_name: str) -> list[LayerData]:
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.imaging.phantom.make import make_phantom
    from napari_tumor_synth.widgets.layer_data import image_layer, labels_layer

    case = make_phantom(class_name, SEED)
    frame = DisplayFrame.of(case.segmentation)
    metadata = {"simulated": True, "class": case.class_name, "seed": case.seed}
    layers = []
    for sequence in reversed(case.images):  # FLAIR comes on top
        name = f"Phantom {class_name} {_NAMES[sequence]}"
        data, attributes, kind = image_layer(case.images[sequence], frame, name, metadata)
        layers.append((data, {**attributes, "visible": sequence == _SHOWN}, kind))
    name = f"Phantom {class_name} segmentation"
    return [*layers, labels_layer(case.segmentation, frame, name, metadata)]
