"""Start the reading window in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.study_file import Study

_MODULE = "napari_tumor_synth.widgets.reading.start"
_WINDOW, _TELL = ("--window",), ("--tell",)


def choose_reader(study: Path, reader: str | None) -> str:
    """Return the reader who is to read; of a study with one reader that one.

    Raises
    ------
    StudyError
        There is no such study or reader, or none was named.
    """
    file = Study.open(study).file
    if reader is None:
        if len(file.readers) > 1:
            names = ", ".join(plan.reader for plan in file.readers)
            raise StudyError(f"{study} has several readers: {names}.", "Name one with --reader.")
        return file.readers[0].reader
    return file.plan_of(reader).reader


def reading_command(
    study: Path, reader: str, *, fill_screen: bool = True, tell: bool = False
) -> list[str]:
    """Return the command that opens the reading window.

    With `tell`, what is wrong is said in a window as well, for those who see no terminal.
    """
    options = [*(() if fill_screen else _WINDOW), *(_TELL if tell else ())]
    return [sys.executable, "-m", _MODULE, str(study), "--reader", reader, *options]


def read_study(study: Path, reader: str, *, fill_screen: bool = True) -> int:
    """Open the reading window, wait until it is closed, and return its exit status.

    Raises
    ------
    StudyError
        There is no display.
    """
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in displays):
        raise StudyError(
            "There is no display to read on.", "Read at a desktop, or with a remote one."
        )
    command = reading_command(study, reader, fill_screen=fill_screen)
    return subprocess.run(command, check=False).returncode
