"""The outlines of all ROIs of a gallery in one file, mapped into memory: to search without opening.

A safetensors file, written piece by piece, because those of large galleries do not fit into memory.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from napari_tumor_synth.evaluation.gallery_files import Outline
from napari_tumor_synth.evaluation.sketch import ROWS, Sketch
from napari_tumor_synth.files import atomic_file

PATTERN = "outlines-*.safetensors"
_HEADER = 1024  # bytes kept for it: what it says is known at the end
_ALIGNED = 8
_LAYOUT = "2"  # what is laid out in another way has another name


@dataclass(frozen=True, eq=False)
class Outlines:
    """What is known of the ROIs of a gallery without opening their files.

    Attributes
    ----------
    packed : (...) uint8
        Each ROI's coarse volumes, then each channel's sketch.
    table : (N, C, 10) int64
        Where the coarse volumes and where the sketch begin, first block, blocks along each axis,
        bytes of the ROI that are mapped and that are computed when it is read.
    coarse_shape : tuple of int
        (1 + C, ...).
    """

    packed: NDArray[np.uint8]
    table: NDArray[np.int64]
    coarse_shape: tuple[int, ...]

    def coarse(self, index: int) -> NDArray[np.float32]:
        """Return mask and textures of an ROI on a coarse grid, see `alignment`."""
        begin, count = int(self.table[index, 0, 0]), math.prod(self.coarse_shape)
        stored = self.packed[begin : begin + 2 * count].view(np.float16)
        return stored.reshape(self.coarse_shape).astype(np.float32)

    def sketches(self, index: int) -> tuple[Sketch, ...]:
        """Return what bounds the scores of an ROI, a sketch a channel."""
        return tuple(self._sketch(row) for row in self.table[index].tolist())

    @property
    def bytes_to_read(self) -> NDArray[np.int64]:
        """Bytes (N, 2) of each ROI that are mapped and that are computed when it is read."""
        to_read: NDArray[np.int64] = self.table[:, 0, -2:]
        return to_read

    def _sketch(self, row: list[int]) -> Sketch:
        begin, shape = row[1], tuple(row[5:8])
        middle = begin + 2 * math.prod(shape)
        end = middle + ROWS * math.prod(shape)
        return Sketch(
            np.array(row[2:5], np.int64),
            self.packed[middle:end].reshape(ROWS, *shape),
            self.packed[begin:middle].view(np.uint16).reshape(shape),
        )


def outlines_file(folder: Path, contents: Sequence[str]) -> Path:
    """Return where the outlines of these ROIs are kept.

    A gallery that grows has another file, so that the old one can be used until the new one is.
    """
    return folder / PATTERN.replace("*", _digest(contents)[:16])


def write_outlines(outlines: Iterable[Outline], contents: Sequence[str], folder: Path) -> None:
    """Write the outlines of all ROIs into one file, whole or not at all.

    Parameters
    ----------
    outlines : iterable of Outline
        Taken one by one.
    contents : sequence of str
        What names each.
    folder : Path
        Of the gallery.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    path = outlines_file(folder, contents)
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        stream.write(bytes(_HEADER))
        table, end, coarse_shape = [], 0, ()
        for outline in outlines:
            coarse_shape, first = outline.coarse.shape, end
            end += stream.write(_padded(outline.coarse.tobytes()))
            rows = []
            for sketch in outline.sketches:
                place = [*sketch.origin.tolist(), *sketch.deviation.shape]
                to_read = outline.bytes_mapped, outline.bytes_computed
                rows.append([first, end, *place, *to_read])
                end += stream.write(_padded(sketch.deviation.tobytes() + sketch.codes.tobytes()))
            table.append(rows)
        stream.write(np.array(table, np.int64).tobytes())
        stream.seek(0)
        stream.write(_header(np.shape(table), end, coarse_shape, _digest(contents)))


def read_outlines(folder: Path, contents: Sequence[str]) -> Outlines | None:
    """Map the outlines of these ROIs into memory, or return None where there are none."""
    try:
        with safe_open(outlines_file(folder, contents), framework="pt", device="cpu") as stream:
            described = stream.metadata()
            if described["contents"] != _digest(contents):
                return None
            shape = tuple(json.loads(described["coarse_shape"]))
            return Outlines(
                stream.get_tensor("packed").numpy(), stream.get_tensor("table").numpy(), shape
            )
    except (OSError, SafetensorError, LookupError, TypeError, ValueError):
        return None


def _header(
    table_shape: tuple[int, ...], packed: int, coarse_shape: tuple[int, ...], contents: str
) -> bytes:
    end = packed + _ALIGNED * math.prod(table_shape)
    content: dict[str, Any] = {
        "__metadata__": {"contents": contents, "coarse_shape": json.dumps(coarse_shape)},
        "packed": {"dtype": "U8", "shape": [packed], "data_offsets": [0, packed]},
        "table": {"dtype": "I64", "shape": table_shape, "data_offsets": [packed, end]},
    }
    text = json.dumps(content).encode().ljust(_HEADER - 8)
    return len(text).to_bytes(8, "little") + text


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _ALIGNED)


def _digest(contents: Sequence[str]) -> str:
    return hashlib.sha256("\n".join([_LAYOUT, *contents]).encode()).hexdigest()
