"""Headers of NRRD and MetaImage, read with suspicion before ITK sees them.

ITK's parsers trust what they read: a negative number of axes, for example, ends the whole program
with a segmentation fault. What passes here has counts and numbers that agree with each other.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.errors import VolumeError

_LONGEST_HEADER = 1 << 16
_AXES = ("3", "4")

_META_NUMBERS_PER_AXIS = ("Offset", "Position", "Origin", "CenterOfRotation", "ElementSpacing")
_META_SQUARES = ("TransformMatrix", "Rotation", "Orientation")
_META_TRUTHS = ("BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData")
_META_TYPE = re.compile(r"MET_(U?(CHAR|SHORT|INT|LONG|LONG_LONG)|FLOAT|DOUBLE)")
_NRRD_LINE = re.compile(r"(?:#.*|([^:=]+?):=.*|([^:=]+?): *(.*))")
_NRRD_ENCODINGS = ("raw", "gzip", "gz")
_ANATOMICAL_SPACES = (
    "right-anterior-superior", "ras", "left-anterior-superior", "las",
    "left-posterior-superior", "lps",
)  # fmt: skip
_NO_SPACE = (
    "The header names no anatomical space; its axes are read as left, posterior, superior (LPS)."
)
_NRRD_TYPE = re.compile(
    r"((un)?signed )?(char|short|int|long long)( int)?|u?int(8|16|32|64)(_t)?|"
    r"u(char|short|int|longlong)|longlong|float|double"
)


@dataclass(frozen=True)
class SaneHeader:
    """What a header that passed says.

    Attributes
    ----------
    voxel_file : Path
        The file that holds the voxels.
    compressed : bool
        Whether they may need less room there than in memory.
    notes : tuple of str
        What the user should know about the file.
    """

    voxel_file: Path
    compressed: bool
    notes: tuple[str, ...] = ()


def require_sane_metaimage(path: Path) -> SaneHeader:
    """Check the header of an .mha or .mhd file.

    Raises
    ------
    VolumeError
        The header is damaged, or points to anything but a file beside it.
    """
    header: dict[str, str] = {}
    for line in _start_of(path).split(b"\n"):
        key, sign, value = line.decode("latin-1").partition("=")
        key, value = key.strip(), value.strip()
        if not sign or not value or key in header:
            raise _damaged(path)
        header[key] = value
        if key == "ElementDataFile":
            break
    _check_metaimage(path, header)
    voxel_file = _voxel_file(path, header["ElementDataFile"])
    if int(header.get("CompressedDataSize", "0")) > voxel_file.stat().st_size:
        where = "" if voxel_file == path else f", the file {voxel_file.name} beside it,"
        raise VolumeError(
            f"{path} is truncated: its voxels{where} are fewer than the header says.",
            "Copy or download the file again.",
        )
    return SaneHeader(voxel_file, header.get("CompressedData", "False").lower() == "true")


def require_sane_nrrd(path: Path) -> SaneHeader:
    """Check the header of an .nrrd file.

    Raises
    ------
    VolumeError
        The header is damaged, or the voxels lie in another file.
    """
    text, end, _ = _start_of(path).decode("latin-1").replace("\r\n", "\n").partition("\n\n")
    magic, *lines = text.split("\n")
    if not end or not re.fullmatch(r"NRRD000[1-6]", magic):
        raise _damaged(path)
    header: dict[str, str] = {}
    for line in lines:
        match = _NRRD_LINE.fullmatch(line)
        if match is None:
            raise _damaged(path)
        key = (match[2] or "").strip().lower()
        if key and key in header:
            raise _damaged(path)
        if key:
            header[key] = match[3].strip()
    if {"data file", "datafile"} & header.keys():
        raise VolumeError(f"{path} keeps its voxels in another file.", "Save it as one .nrrd file.")
    _check_nrrd(path, header)
    knows_its_space = header.get("space", "").lower() in _ANATOMICAL_SPACES
    return SaneHeader(
        path,
        compressed=header["encoding"] != "raw",
        notes=() if knows_its_space else (_NO_SPACE,),
    )


def _check_metaimage(path: Path, header: Mapping[str, str]) -> None:
    axes = header.get("NDims", "")
    if axes not in _AXES or header.get("ObjectType", "Image").lower() != "image":
        raise _not_three_axes(path) if axes.isdigit() else _damaged(path)
    count = int(axes)
    counts = dict.fromkeys(_META_NUMBERS_PER_AXIS, count)
    counts |= dict.fromkeys(_META_SQUARES, count * count)
    sane = (
        _are_lengths(header.get("DimSize", "").split(), count)
        and all(_are_numbers(header[key].split(), counts[key]) for key in counts if key in header)
        and all(header.get(key, "True").lower() in ("true", "false") for key in _META_TRUTHS)
        and _META_TYPE.fullmatch(header.get("ElementType", "")) is not None
        and header.get("ElementNumberOfChannels", "1") == "1"
        and header.get("HeaderSize", "0") in ("0", "-1")
        and _is_length(header.get("CompressedDataSize", "0"))
        and "ElementDataFile" in header
    )
    if not sane:
        raise _damaged(path)


def _voxel_file(path: Path, name: str) -> Path:
    if name.upper() == "LOCAL":
        return path
    beside = path.with_name(name) if Path(name).name == name else None
    if beside is None or name.upper() == "LIST" or not beside.is_file():
        raise VolumeError(
            f"{path} names {_without_folders(name)!r} as the file of its voxels, which is not "
            "beside it.",
            "Copy both files into one folder.",
        )
    return beside


def _without_folders(name: str) -> str:
    """Leave out a file's folders: sentences may be stored, and folders may tell names."""
    *folders, last = re.split(r"[\\/]", name)
    return f".../{last}" if folders else last


def _check_nrrd(path: Path, header: Mapping[str, str]) -> None:
    axes = header.get("dimension", "")
    if axes not in _AXES:
        raise _not_three_axes(path) if axes.isdigit() else _damaged(path)
    count = int(axes)
    vectors = re.findall(r"none|\([^()]*\)", header.get("space directions", ""))
    origin = header.get("space origin")
    sane = (
        _NRRD_TYPE.fullmatch(header.get("type", "")) is not None
        and header.get("encoding") in _NRRD_ENCODINGS
        and header.get("endian", "little") in ("little", "big")
        and _are_lengths(header.get("sizes", "").split(), count)
        and all(_is_vector(vector) for vector in vectors)
        and ("space directions" not in header or len(vectors) == count)
        and (origin is None or _is_vector(origin))
        and header.get("space dimension", "3") in _AXES
        and ("spacings" not in header or _are_numbers(header["spacings"].split(), count))
        and all(header.get(key, "0") == "0" for key in ("line skip", "byte skip", "lineskip"))
    )
    if not sane:
        raise _damaged(path)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LONGEST_HEADER)


def _are_lengths(words: list[str], count: int) -> bool:
    return len(words) == count and all(_is_length(word) for word in words)


def _is_length(word: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", word) is not None


def _are_numbers(words: list[str], count: int) -> bool:
    return len(words) == count and all(_is_number(word) for word in words)


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _is_vector(text: str) -> bool:
    if text == "none":
        return True
    words = text[1:-1].split(",")
    return text[:1] + text[-1:] == "()" and len(words) in (3, 4) and all(map(_is_number, words))


def _damaged(path: Path) -> VolumeError:
    return VolumeError(
        f"{path} has a damaged header, or is not what its suffix says.",
        "Copy or convert the file again, for example to .nii.gz.",
    )


def _not_three_axes(path: Path) -> VolumeError:
    return VolumeError(f"{path} is not one 3D volume.", "Save one volume as a 3D file.")
