"""One ROI of a gallery as a file: what comparing it needs, and what tells that it need not be.

An ROI of usual size is kept ready to be compared, and mapped into memory then. Of a large one, or
in a large gallery, only the image is kept, and its local means and variances are computed when it
is read: that takes some milliseconds, and a quarter of the space.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from napari_tumor_synth.errors import GalleryError, OutputError
from napari_tumor_synth.evaluation.alignment import coarsened, parts_of
from napari_tumor_synth.evaluation.bounds import sketches_of
from napari_tumor_synth.evaluation.sketch import Sketch
from napari_tumor_synth.evaluation.ssim import SsimRoi, prepare_roi
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_volume import SsimVolume, WindowedVolume
from napari_tumor_synth.evaluation.window_statistics import window_statistics
from napari_tumor_synth.files import atomic_file

MOST_READY = 5_000_000
"""Bytes of what is ready to be compared, a channel, beyond which only the image is kept."""
_READY, _SKETCH = ("raw", "mean", "variance"), ("codes", "deviation")


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of an ROI without reading what comparing it needs.

    Attributes
    ----------
    coarse : (1 + C, ...) float16
        Mask and textures on a coarse grid, see `alignment`.
    sketches : tuple of Sketch
        One a channel, to bound scores.
    bytes_mapped, bytes_computed : int
        Of the ROI when it is ready to be compared: as its file holds it, and as it is computed.
    """

    coarse: NDArray[np.float16]
    sketches: tuple[Sketch, ...]
    bytes_mapped: int
    bytes_computed: int


def write_gallery_roi(
    image: NDArray[np.float32],
    definition: SsimDefinition,
    content: str,
    path: Path,
    *,
    ready: bool = True,
) -> None:
    """Write what a gallery keeps of an ROI, whole or not at all.

    Parameters
    ----------
    image : (C, S, A, R) float32
        In [-1, 1], background exactly -1.
    definition : SsimDefinition
    content : str
        SHA-256 of the ROI's file.
    path : Path
    ready : bool
        Whether what comparing needs is kept too, unless that is large.

    Raises
    ------
    InputError
        The ROI is empty, smaller than a window, or leaves [-1, 1].
    OutputError
        The file cannot be written.
    """
    roi = prepare_roi(image, definition, exact=False)
    arrays: dict[str, NDArray[Any]] = {"coarse": coarsened(parts_of(image)).astype(np.float16)}
    channels: list[dict[str, Any]] = []
    for number, (channel, sketch) in enumerate(zip(roi.channels, sketches_of(roi), strict=True)):
        part = channel.part
        kept = {name: getattr(sketch, name) for name in _SKETCH}
        is_ready = ready and _bytes_of(channel) <= MOST_READY
        if is_ready:
            kept |= {name: getattr(part, name) for name in _READY}
        else:
            kept["image"] = _image_of(part.raw)
        arrays |= {f"{number}.{name}": array for name, array in kept.items()}
        channels.append(
            {
                "origin": part.origin.tolist(),
                "first_block": sketch.origin.tolist(),
                "whole_alone": channel.whole_alone,
                "foreground_alone": channel.foreground_alone,
                "voxels": channel.voxels,
                "bytes_mapped": _bytes_of(channel) if is_ready else 0,
                "bytes_computed": 0 if is_ready else _bytes_of(channel),
            }
        )
    described = {
        "content": content,
        "shape": list(roi.shape),
        "window": definition.window,
        "channels": channels,
    }
    with atomic_file(path) as temporary:
        try:
            save_file(arrays, temporary, {"roi": json.dumps(described, sort_keys=True)})
        except SafetensorError as error:  # how the library tells of a full disk
            raise OutputError(
                f"Cannot write {path}: {error}.", "Free space and try again."
            ) from error


def read_gallery_roi(path: Path, content: str, definition: SsimDefinition) -> SsimRoi:
    """Return an ROI ready to be compared, mapped into memory where its file holds that.

    Raises
    ------
    GalleryError
        The file is missing, damaged, or of another ROI or definition.
    """
    with _opened(path, content, definition) as stored:
        channels = tuple(
            SsimVolume(
                part=stored.part(number, definition),
                whole_alone=float(description["whole_alone"]),
                foreground_alone=float(description["foreground_alone"]),
                voxels=int(description["voxels"]),
            )
            for number, description in enumerate(stored.described["channels"])
        )
        return SsimRoi(channels, tuple(stored.described["shape"]), definition)


def read_outline(path: Path, content: str, definition: SsimDefinition) -> Outline:
    """Return what tells of an ROI without comparing it.

    Raises
    ------
    GalleryError
        As `read_gallery_roi`.
    """
    with _opened(path, content, definition) as stored:
        channels = stored.described["channels"]
        return Outline(
            stored.array("coarse"),
            tuple(
                Sketch(
                    np.array(channel["first_block"], np.int64),
                    *(stored.array(f"{number}.{name}") for name in _SKETCH),
                )
                for number, channel in enumerate(channels)
            ),
            bytes_mapped=sum(int(channel["bytes_mapped"]) for channel in channels),
            bytes_computed=sum(int(channel["bytes_computed"]) for channel in channels),
        )


@dataclass(frozen=True)
class _Stored:
    """An ROI's file that is open."""

    stream: Any
    described: dict[str, Any]

    def array(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = self.stream.get_tensor(name).numpy()
        array.flags.writeable = False  # as a prepared ROI's are
        return array

    def part(self, number: int, definition: SsimDefinition) -> WindowedVolume:
        origin = np.array(self.described["channels"][number]["origin"], np.int64)
        if f"{number}.image" not in self.stream.keys():  # noqa: SIM118 - it is no dictionary
            return WindowedVolume(origin, *(self.array(f"{number}.{name}") for name in _READY))
        raw = _raw_of(self.array(f"{number}.image"))
        mean, variance = window_statistics(raw, definition.weights, definition.covariance_factor)
        ready = raw.astype(np.float32), mean, variance
        for array in ready:
            array.flags.writeable = False
        return WindowedVolume(origin, *ready)


@contextmanager
def _opened(path: Path, content: str, definition: SsimDefinition) -> Iterator[_Stored]:
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            described = json.loads(stream.metadata()["roi"])
            if (described["content"], described["window"]) != (content, definition.window):
                raise ValueError("it was made of another ROI")
            yield _Stored(stream, described)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise GalleryError(
            f"{path} of the gallery cannot be used: {error}.",
            "Run tumor-synth gallery build again with the same folder: it makes anew what is "
            "damaged.",
        ) from error


def _bytes_of(channel: SsimVolume) -> int:
    return sum(getattr(channel.part, name).nbytes for name in _READY)


def _image_of(raw: NDArray[np.float32]) -> NDArray[Any]:
    """Return intensities in [-1, 1] in float16 if nothing is lost, as of cached ROIs; or `raw`."""
    image = (2 * raw.astype(np.float64) - 1).astype(np.float16)
    return image if np.array_equal(_raw_of(image).astype(np.float32), raw) else raw


def _raw_of(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return intensities in [0, 1] of what `_image_of` gave."""
    wide = image.astype(np.float64)
    return (wide + 1) / 2 if image.dtype == np.float16 else wide
