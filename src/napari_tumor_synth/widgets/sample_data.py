"""Simulated cases in napari's menu File > Open Sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.types import LayerData

    from napari_tumor_synth.imaging.phantom.settings import PhantomCase
    from napari_tumor_synth.imaging.volume import Volume

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
    from napari_tumor_synth.imaging.phantom.make import make_phantom

    case = make_phantom(class_name, SEED)
    images = [_image_layer(case, name) for name in reversed(case.images)]  # FLAIR comes on top
    place = _place(case.segmentation, case)
    segmentation = {**place, "name": f"Phantom {class_name} segmentation", "opacity": 0.4}
    return [*images, (case.segmentation.array, segmentation, "labels")]


def _image_layer(case: PhantomCase, sequence: str) -> LayerData:
    image = case.images[sequence]
    brightest = float(np.percentile(image.array[image.array > 0], 99.9))
    look = {
        "name": f"Phantom {case.class_name} {_NAMES[sequence]}",
        "colormap": "gray",
        "contrast_limits": (0.0, brightest),
        "visible": sequence == _SHOWN,
    }
    return image.array, {**_place(image, case), **look}, "image"


def _place(volume: Volume, case: PhantomCase) -> dict[str, Any]:
    """Return where the voxels lie: world coordinates are RAS millimetres in (S, A, R) order."""
    return {
        "scale": volume.spacing,
        "translate": tuple(volume.affine[:3, 3][::-1].tolist()),
        "axis_labels": ("S", "A", "R"),
        "units": ("mm", "mm", "mm"),
        "metadata": {
            "simulated": True,
            "class": case.class_name,
            "seed": case.seed,
            "affine": volume.affine,
        },
    }
