"""One ROI of a gallery as a file: what comparing needs, mapped into memory when it is compared."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from napari_tumor_synth.errors import GalleryError, OutputError
from napari_tumor_synth.evaluation.ssim import SsimRoi
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_volume import SsimVolume, WindowedVolume
from napari_tumor_synth.files import atomic_file

_ARRAYS = ("raw", "mean", "variance")


@dataclass(frozen=True, slots=True)
class GalleryRoi:
    """What a gallery keeps of an ROI.

    Attributes
    ----------
    ssim : SsimRoi
    coarse : (1 + C, ...) float16
        Mask and textures on a coarse grid, see `alignment`.
    """

    ssim: SsimRoi
    coarse: NDArray[np.float16]


def write_gallery_roi(kept: GalleryRoi, content: str, path: Path) -> None:
    """Write what is kept of an ROI, whole or not at all.

    Parameters
    ----------
    kept : GalleryRoi
    content : str
        SHA-256 of the ROI that it was prepared from.
    path : Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    roi = kept.ssim
    arrays = {"coarse": kept.coarse} | {
        f"{number}.{name}": getattr(channel.part, name)
        for number, channel in enumerate(roi.channels)
        for name in _ARRAYS
    }
    described = {
        "content": content,
        "shape": list(roi.shape),
        "window": roi.definition.window,
        "channels": [
            {
                "origin": channel.part.origin.tolist(),
                "whole_alone": channel.whole_alone,
                "foreground_alone": channel.foreground_alone,
                "voxels": channel.voxels,
            }
            for channel in roi.channels
        ],
    }
    with atomic_file(path) as temporary:
        try:
            save_file(arrays, temporary, {"roi": json.dumps(described, sort_keys=True)})
        except SafetensorError as error:  # how the library tells of a full disk
            raise OutputError(
                f"Cannot write {path}: {error}.", "Free space and try again."
            ) from error


def read_gallery_roi(path: Path, content: str, definition: SsimDefinition) -> GalleryRoi:
    """Map what is kept of an ROI into memory.

    Raises
    ------
    GalleryError
        The file is missing, damaged, or of another ROI or definition.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            described = json.loads(stream.metadata()["roi"])
            if (described["content"], described["window"]) != (content, definition.window):
                raise ValueError("it was made of another ROI")
            channels = tuple(
                _channel(
                    {name: stream.get_tensor(f"{number}.{name}") for name in _ARRAYS}, description
                )
                for number, description in enumerate(described["channels"])
            )
            roi = SsimRoi(channels, tuple(described["shape"]), definition)
            return GalleryRoi(roi, stream.get_tensor("coarse").numpy())
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise GalleryError(
            f"{path} of the gallery cannot be used: {error}.",
            "Run tumor-synth gallery build again with the same folder: it makes anew what is "
            "damaged.",
        ) from error


def _channel(tensors: dict[str, torch.Tensor], description: dict[str, Any]) -> SsimVolume:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    for array in arrays.values():
        array.flags.writeable = False  # as a prepared ROI's are
    return SsimVolume(
        part=WindowedVolume(np.array(description["origin"], np.int64), **arrays),
        whole_alone=float(description["whole_alone"]),
        foreground_alone=float(description["foreground_alone"]),
        voxels=int(description["voxels"]),
    )
