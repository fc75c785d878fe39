"""Where results go: what may be replaced, and what is left when the work fails."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.imaging.header_text import description_in

ANOTHER_FOLDER = "Choose another folder."
"""Remedy of a window, which replaces no other file."""


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """Give a folder to write to; one that was made for nothing is removed again.

    Raises
    ------
    OutputError
        The folder cannot be made, is a file, or is not writable.
    """
    made = [p for p in (path, *path.parents) if not p.exists()]
    writable_folder(path)
    try:
        yield path
    except BaseException:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def require_replaceable(
    path: Path,
    same: Callable[[Path], bool],
    *,
    overwrite: bool = False,
    remedy: str = "Choose another --out, or allow it to be replaced with --overwrite.",
) -> None:
    """Make sure that nothing is lost when a file is written.

    Parameters
    ----------
    path : Path
        The file to be written; fine when it does not exist.
    same : callable
        Tells of an existing file whether it holds what is going to be written.
    overwrite : bool
        The user allows to replace any file.
    remedy : str
        What to do when another file is in the way.

    Raises
    ------
    OutputError
        A file that holds something else is in the way, or a folder is.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder.", remedy)
    if path.exists() and not overwrite and not same(path):
        raise OutputError(f"{path} exists already and holds something else.", remedy)


def require_not_input(path: Path, inputs: Iterable[Path]) -> None:
    """Make sure that no input is replaced by a result, whatever the user allows.

    Raises
    ------
    OutputError
        The result would replace an input.
    """
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise OutputError(f"The result would replace its own input {path}.", "Choose another.")


def is_described_as(description: str) -> Callable[[Path], bool]:
    """Return a test whether an image's header has this description; of NIfTI, its 79 bytes."""
    return lambda path: description_in(path) in (description, description[:79])
