"""What a reader did, written one line an event, so that nothing is lost.

Lines are handed to the system at once, so that a killed program loses none, and forced to the disk
(fsync) before `append` returns unless the caller says otherwise.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from napari_tumor_synth.errors import OutputError, StudyError
from napari_tumor_synth.study.event_chain import Event, events_of
from napari_tumor_synth.study.study_file import sha256_of_json

LOCK = ".lock"
RECOVERED = "recovered"


class ReadingLog:
    """The reading log of one reader, open for appending by one process.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    beginning : str
        What the first event holds as the hash of the one before; see `beginning_of`.

    Raises
    ------
    StudyError
        Another window has the log, it belongs to another study or reader, or its chain is broken.
    OutputError
        It cannot be written.
    """

    def __init__(self, path: Path, beginning: str) -> None:
        self.path, self._beginning = path, beginning
        self.events: list[Event] = []
        self._last, self._size = beginning, 0
        self._torn = False  # part of an event may be behind the last whole one
        self._session = uuid4().hex
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.with_suffix(LOCK), thread_local=False)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise StudyError(
                f"{path.stem} is already reading in another window or program.",
                "Go on there, or close it first.",
            ) from error
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            self._recover()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise _cannot_write(path, error) from error
            raise

    @property
    def session(self) -> str:
        """Of this process; monotonic times of one session can be compared."""
        return self._session

    def append(self, event: str, *, durable: bool = True, **details: Any) -> Event:
        """Write an event.

        Parameters
        ----------
        event : str
        durable : bool
            Wait until the disk has it. Without, it outlives the program but not the machine's
            power until `save` or the next durable one.
        **details
            What JSON can hold.

        Raises
        ------
        OutputError
            The disk is full or gone. The log is as it was before, and can be tried again.
        """
        content: Event = {
            "n": len(self.events),
            "event": event,
            "utc": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "monotonic_ns": time.monotonic_ns(),
            "session": self._session,
            **details,
            "prev": self._last,
        }
        content["sha256"] = sha256_of_json(content)
        line = _line_of(content)
        try:
            if self._torn:
                self._cut_to(self._size)
            _write_all(self._file, line)
            if durable:
                os.fsync(self._file)
        except OSError as error:
            self._torn = True
            with suppress(OSError):  # the disk may be gone; the next event tries it again
                self._cut_to(self._size)
            raise _cannot_write(self.path, error) from error
        self._size += len(line)
        self._last = content["sha256"]
        self.events.append(content)
        return content

    def save(self) -> None:
        """Wait until the disk has all events.

        Raises
        ------
        OutputError
            The disk is full or gone.
        """
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def close(self) -> None:
        """Let go of the log."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._lock.release()

    def _recover(self) -> None:
        """Read what is there; a last line that was cut off was never answered for, and goes."""
        stored = self.path.read_bytes()
        self.events, torn = events_of(stored, self._beginning, self.path)
        self._last = self.events[-1]["sha256"] if self.events else self._beginning
        self._size = len(stored) - len(torn)
        self._cut_to(self._size)
        if self._size and stored[self._size - 1 : self._size] != b"\n":
            _write_all(self._file, b"\n")  # the event is whole, its end was lost
            self._size += 1
        if torn:
            self.append(RECOVERED, bytes_dropped=len(torn))

    def _cut_to(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self._torn = False


def _line_of(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _write_all(file: int, line: bytes) -> None:
    written = 0
    while written < len(line):
        written += os.write(file, line[written:])


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write the reading log {path}: {error.strerror or error}.",
        "Free space on the disk, or make the folder writable; all answers so far are kept.",
    )
