"""The description in an image's header, read without trusting the rest of the file."""

import gzip
import zlib
from pathlib import Path

from napari_tumor_synth.imaging.input_file import NIFTI_SUFFIXES, image_suffix

SYNTHETIC_NOTICE = "SYNTHETIC, not for clinical use"
"""What the header of every synthetic image says."""

_LONGEST_HEADER = 1 << 16  # bytes looked into; what we write has less than a hundredth of it
_NIFTI_FIELDS = {348: (b"n+1\0", 344, 148), 540: (b"n+2\0", 4, 240)}
"""By the header's length: the magic word, where it stands, and where the description stands."""
_NIFTI_DESCRIPTION = 80  # bytes
_TEXT_KEYS = {".nrrd": b"description:=", ".mha": b"description = "}


def description_in(path: Path) -> str | None:
    """Return the description that `write_volume` put into a file; None when there is none.

    Anything may lie at `path`: what is no such image has no description.
    """
    suffix = image_suffix(path)
    try:
        if suffix in NIFTI_SUFFIXES:
            found = _nifti_description(_start_of(path, compressed=suffix.endswith(".gz")))
        else:
            found = _text_description(_start_of(path, compressed=False), _TEXT_KEYS.get(suffix))
    except (OSError, EOFError, zlib.error):
        return None
    return None if found is None else found.decode("ascii", "replace")


def says_synthetic(path: Path) -> bool:
    """Tell whether the header of an image says that a generator made it."""
    return description_in(path) == SYNTHETIC_NOTICE


def _start_of(path: Path, *, compressed: bool) -> bytes:
    with gzip.open(path) if compressed else path.open("rb") as stream:
        return stream.read(max(_NIFTI_FIELDS) if compressed else _LONGEST_HEADER)


def _nifti_description(start: bytes) -> bytes | None:
    lengths = (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big"))
    length = next((length for length in lengths if length in _NIFTI_FIELDS), 0)
    if not 0 < length <= len(start):
        return None
    magic, magic_place, place = _NIFTI_FIELDS[length]
    if start[magic_place : magic_place + len(magic)] != magic:
        return None
    return start[place : place + _NIFTI_DESCRIPTION].rstrip(b"\0")


def _text_description(start: bytes, key: bytes | None) -> bytes | None:
    if key is None:
        return None
    lines = start.split(b"\n")
    return next((line[len(key) :].rstrip(b"\r") for line in lines if line.startswith(key)), None)
