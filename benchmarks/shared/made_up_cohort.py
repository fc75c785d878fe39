"""A prepared cohort of given ROIs, without images to cut them from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.imaging.cache_manifest import (
    FORMAT,
    MANIFEST,
    CacheEntry,
    CachePlan,
    Manifest,
)
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache, store_array


def write_cache(
    folder: Path,
    images: Sequence[NDArray[np.float32]],
    patients: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    *,
    sequences: Sequence[str] = (),
    spacing_mm: float = 1.0,
) -> RoiCache:
    """Keep ROIs (S, A, R) or (C, S, A, R) as `prepare` would; classes alternate."""
    images = [image[None] if image.ndim == 3 else image for image in images]
    entries: list[Any] = []
    for number, image in enumerate(images):
        name = f"case-{number:03d}"
        file, sha256 = store_array(folder, name, image)
        entries.append(
            CacheEntry.model_validate(
                {
                    "name": name,
                    "patient": name if patients is None else patients[number],
                    "class_name": ("HGG", "LGG")[number % 2],
                    "split": "train" if splits is None else splits[number],
                    "file": file,
                    "sha256": sha256,
                    "source_sha256": "0" * 64,
                    "label_scheme": "unknown",
                    "windows": (),
                    "lost_fraction": 0.0,
                    "volume_ml": float((image[0] > -1).sum()) / 1000,
                    "affine": np.eye(4).tolist(),
                    "warnings": (),
                }
            )
        )
    plan = CachePlan(
        format=FORMAT,
        settings=RoiSettings.model_validate(
            {"size": images[0].shape[1:], "spacing_mm": spacing_mm}
        ),
        sequences=tuple(sequences) or tuple(f"sequence{c}" for c in range(len(images[0]))),
        seed=0,
        fractions={"train": 1.0},
    )
    manifest = Manifest(
        plan=plan, classes=("HGG", "LGG"), patient_data=True, entries=tuple(entries)
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json")), "utf-8")
    return RoiCache.open(folder)
