"""Arrays that a stopped work leaves for the next call."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.files import atomic_file

SECONDS_BETWEEN_SAVES = 30.0


def read_arrays(path: Path, *names: str) -> tuple[NDArray[Any], ...] | None:
    """Return arrays of an ``.npz`` file by name, or None where it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return tuple(stored[name] for name in names)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write an ``.npz`` file, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # no name is an option's
