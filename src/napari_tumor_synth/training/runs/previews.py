"""The newest volumes of a running training, for whoever wants to look at them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file

_FOLDER = "previews"
_FACTS = "_facts"


@dataclass(frozen=True, eq=False)
class Preview:
    """Volumes of one kind.

    Attributes
    ----------
    volumes : mapping of str to array
        ``(N, C, S, A, R)`` float16 in [-1, 1] by what they are, e.g. ``"reconstructed"``.
    spacing_mm : float
        Edge of a voxel.
    title : str
        Which stage and step made them.
    """

    volumes: Mapping[str, NDArray[np.float16]]
    spacing_mm: float
    title: str


def preview_path(run: Path, name: str) -> Path:
    """Return the file that holds the newest preview of a name."""
    return run / _FOLDER / f"{name}.npz"


def write_preview(
    run: Path,
    name: str,
    volumes: Mapping[str, Sequence[NDArray[np.float32]]],
    spacing_mm: float,
    title: str,
) -> None:
    """Keep volumes ``(C, S, A, R)``, in place of earlier ones of this name."""
    stacked = {label: np.stack(list(each)).astype(np.float16) for label, each in volumes.items()}
    facts = np.array([str(spacing_mm), title])
    # a file that is being looked at cannot be replaced on Windows; the next review tries again
    with suppress(OutputError), atomic_file(preview_path(run, name)) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **{**stacked, _FACTS: facts})


def read_preview(run: Path, name: str) -> Preview | None:
    """Return the newest preview of a name; None if there is none yet, or it cannot be read."""
    try:
        with preview_path(run, name).open("rb") as file:  # numpy leaves a damaged one open
            stored = np.load(file, allow_pickle=False)
            content = {key: stored[key] for key in stored.files}
        spacing, title = content.pop(_FACTS).tolist()
    except (AttributeError, OSError, EOFError, KeyError, ValueError, BadZipFile):
        return None
    return Preview(content, float(spacing), title)
