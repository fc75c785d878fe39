"""Files that are either whole or absent."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import OutputError


def _default_file_mode() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


_FILE_MODE = _default_file_mode()  # read once: changing the umask is not thread-safe
FOLDER_MODE = _FILE_MODE | (_FILE_MODE & 0o444) >> 2
"""Of a folder that the system makes: whoever may read it may enter it."""


@contextmanager
def atomic_file(path: Path | str, mode: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there when the block ends well.

    The temporary name keeps all suffixes of `path`, because image writers choose the format by
    them. Nothing is left behind when the block fails. Without a `mode`, the file has that of any
    new file.

    Raises
    ------
    OutputError
        The folder is not writable or the disk is full.
    """
    target = Path(path)
    suffixes = "".join(target.suffixes)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=suffixes, prefix=".writing-", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise _cannot_write(target, error) from error
    temporary = Path(name)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(_FILE_MODE if mode is None else mode)
        os.replace(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(json_text(content), "utf-8")


def json_text(content: Any) -> str:
    """Return what `write_json` writes."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def sha256_of_file(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def writable_folder(path: Path | str) -> Path:
    """Make the folder if need be and prove, by writing, that results can be kept there.

    Raises
    ------
    OutputError
        The folder cannot be made, is a file, or is not writable.
    """
    folder = Path(path)
    if folder.is_file():
        raise OutputError(f"Cannot write into {folder}: it is a file.", "Choose a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write {path}: {error.strerror or error}.",
        "Choose a folder that you may write to and that has free space.",
    )
