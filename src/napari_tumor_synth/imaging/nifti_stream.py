"""Bytes of a NIfTI file, plain or gzipped, never more of them than the header promised."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import VolumeError

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
_MAX_TRAILING_BYTES = 1 << 20  # some writers pad their files to whole blocks


def is_gzipped(path: Path) -> bool:
    """Tell by the first bytes, since suffixes are often wrong."""
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP_MAGIC


@contextmanager
def open_stream(path: Path) -> Iterator[BinaryIO]:
    """Open a file that may be gzipped; damage found while reading becomes a VolumeError."""
    try:
        if is_gzipped(path):
            with gzip.open(path, "rb") as compressed:
                yield cast(BinaryIO, compressed)
        else:
            with path.open("rb") as plain:
                yield plain
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise VolumeError(
            f"{path} is damaged or truncated: {error}.", "Copy or download the file again."
        ) from error
    except OSError as error:
        raise VolumeError(
            f"{path} cannot be read: {error.strerror or error}.", "Check the file and its disk."
        ) from error


def read_exactly(stream: BinaryIO, length: int, path: Path) -> NDArray[np.uint8]:
    """Read `length` bytes, (length,) uint8.

    Raises
    ------
    VolumeError
        The stream ends before.
    """
    content = bytearray()
    while len(content) < length:
        chunk = stream.read(min(_CHUNK, length - len(content)))
        if not chunk:
            raise VolumeError(
                f"{path} is truncated: {length:,} bytes were promised, {len(content):,} are there.",
                "Copy or download the file again.",
            )
        content += chunk
    return np.frombuffer(content, np.uint8)


def require_end(stream: BinaryIO, path: Path) -> None:
    """Read to the end, which also proves the checksum of a gzipped file.

    Raises
    ------
    VolumeError
        Far more bytes follow than the header promised.
    """
    trailing = 0
    while chunk := stream.read(_CHUNK):
        trailing += len(chunk)
        if trailing > _MAX_TRAILING_BYTES:
            raise VolumeError(
                f"{path} holds more data than its header promises.",
                "Convert the original again; a file like this may be damaged or harmful.",
            )
