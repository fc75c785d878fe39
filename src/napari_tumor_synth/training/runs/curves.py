"""The curves of a run: ``curves.csv`` with stage, step, name and value, and reading it live."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.training.runs.shared_text import replace_text

CURVES = "curves.csv"
_HEADER = ("stage", "step", "name", "value")

Row = tuple[str, int, str, float]
"""Stage, step, name, value."""


def append_rows(path: Path, stage: str, step: int, values: Mapping[str, float]) -> None:
    """Add the figures of one step, down to the disk.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not path.is_file():
        writer.writerow(_HEADER)
    writer.writerows([stage, step, name, f"{v:.6g}"] for name, v in values.items())
    try:
        with path.open("a", newline="", encoding="utf-8") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())  # a state that is saved later must not outlive its curve
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror or error}.",
            "Free space and go on with the run with --resume.",
        ) from error


def cut_back(path: Path, stage: str, step: int) -> None:
    """Forget what a stage reached after `step`, and a line that a kill cut off.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"Cannot read {path}: {error.strerror or error}.", "Make it readable again."
        ) from error
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\n")
    writer.writerow(_HEADER)
    for row_stage, row_step, name, value in _rows(text):
        if row_stage != stage or row_step <= step:
            writer.writerow([row_stage, row_step, name, f"{value:.6g}"])
    if kept.getvalue() != text:
        replace_text(path, kept.getvalue())


class CurveReader:
    """The curves of a run, read on while it grows.

    Parameters
    ----------
    folder : Path
        Of the run.

    Attributes
    ----------
    curves : dict
        By stage and name, ``[(step, value), ...]`` in order.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CURVES
        self._inode = self._offset = 0
        self.curves: dict[tuple[str, str], list[tuple[int, float]]] = {}

    def poll(self) -> bool:
        """Read what was added since the last call; tell whether anything changed.

        A run that went back to a state cuts its curves back; all is then read anew.
        """
        try:
            with self._path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                reset = found.st_ino != self._inode or found.st_size < self._offset
                if reset:
                    self._inode, self._offset = found.st_ino, 0
                    self.curves = {}
                stream.seek(self._offset)
                added = stream.read()
        except OSError:  # no curves yet, or no longer
            changed = bool(self.curves)
            self._inode = self._offset = 0
            self.curves = {}
            return changed
        whole = added[: added.rfind(b"\n") + 1]  # the rest of a line comes later
        self._offset += len(whole)
        for stage, step, name, value in _rows(whole.decode("utf-8", "replace")):
            self.curves.setdefault((stage, name), []).append((step, value))
        return reset or bool(whole)


def _rows(text: str) -> Iterator[Row]:
    """Yield the rows of whole lines; what is none is passed over."""
    lines = text[: text.rfind("\n") + 1].splitlines()
    for line in lines:
        try:
            stage, step, name, value = next(csv.reader([line]))
            yield stage, int(step), name, float(value)
        except (ValueError, StopIteration, csv.Error):  # the header; a line torn by a power cut
            continue
