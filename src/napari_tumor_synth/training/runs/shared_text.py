"""Text files that others read while they are replaced."""

import time
from pathlib import Path

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file

_TRIES = 10
_PAUSE_S = 0.05


def replace_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all, waiting for readers where the system makes one wait.

    On Windows a file cannot be replaced in the moment in which another process reads it.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with atomic_file(path) as temporary:
                temporary.write_text(text, "utf-8", newline="")
            return
        except OutputError as error:
            if tries_left == 0 or not isinstance(error.__cause__, PermissionError):
                raise
        time.sleep(_PAUSE_S)
