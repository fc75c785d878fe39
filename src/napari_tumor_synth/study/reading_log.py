"""What a reader did, one line an event: nothing is lost, and nothing can be changed unseen.

Each event is a line of JSON that holds the SHA-256 of the one before; the first holds that of the
study and the reader. Lines are handed to the system at once, so that a killed program loses none,
and forced to the disk (fsync) before `append` returns unless the caller says otherwise.
"""

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from napari_tumor_synth.errors import OutputError, StudyError
from napari_tumor_synth.study.study_file import sha256_of_json

SUFFIX, LOCK = ".jsonl", ".lock"
RECOVERED = "recovered"
_LARGEST = 500_000_000  # bytes
_AN_END = re.compile(rb'"sha256":"[0-9a-f]{64}"}')
_SEAL = 12  # digits
Event = dict[str, Any]


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
        self.events, torn = _events_of(stored, self._beginning, self.path)
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


def beginning_of(study_sha256: str, reader: str) -> str:
    """Return what the chain of a reader's log begins with."""
    return sha256_of_json({"study": study_sha256, "reader": reader})


def seal_of(events: Sequence[Event]) -> str:
    """Return the first digits of the hash that all events end in when a reading is finished.

    Hashes alone show accidents and careless changes: who recomputes them all leaves no trace. The
    seal does, if it was noted elsewhere. Empty without an end.
    """
    seals = [event["sha256"][:_SEAL] for event in events if event["event"] == "finished"]
    return str(seals[0]) if seals else ""


def read_log(path: Path, beginning: str) -> list[Event]:
    """Read a log and check its chain; a last line that was cut off is left out.

    Raises
    ------
    StudyError
        It is missing, belongs to another study or reader, or was altered: which event.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise StudyError(f"{path} is far too large for a reading log.", _THE_ORIGINAL)
        stored = path.read_bytes()
    except OSError as error:
        raise StudyError(
            f"The reading log {path} cannot be read: {error.strerror}.",
            "Copy it to the readings folder of the study.",
        ) from error
    return _events_of(stored, beginning, path)[0]


_THE_ORIGINAL = "Take the original log from the machine of the reading; altered ones cannot count."


def _events_of(stored: bytes, beginning: str, path: Path) -> tuple[list[Event], bytes]:
    """Return the events of a log, and what was cut off at its end in the middle of one."""
    whole, newline, rest = stored.rpartition(b"\n")
    events = _parsed(whole, beginning, path) if newline else []
    if not rest:
        return events, rest
    if _event_of(rest) is not None:
        return _parsed(whole + newline + rest, beginning, path), b""
    begin = f'{{"n":{len(events)},"event":"'.encode()
    if not (rest.startswith(begin) or begin.startswith(rest)) or _AN_END.search(rest):
        raise StudyError(f"Event {len(events)} of {path} is damaged.", _THE_ORIGINAL)
    return events, rest


def _parsed(stored: bytes, beginning: str, path: Path) -> list[Event]:
    events: list[Event] = []
    last = beginning
    for number, line in enumerate(stored.split(b"\n")):
        event = _event_of(line)
        if event is None:
            raise StudyError(f"Event {number} of {path} is damaged.", _THE_ORIGINAL)
        told = event.get("sha256")
        content = {name: value for name, value in event.items() if name != "sha256"}
        if number == 0 and event.get("prev") != beginning:
            raise StudyError(
                f"The reading log {path} belongs to another study or reader.",
                "Keep each log under the reader's code in the folder of its own study.",
            )
        if event.get("prev") != last or event.get("n") != number:
            raise StudyError(
                f"The chain of {path} is broken at event {number}: events before it were changed, "
                "removed or added.",
                _THE_ORIGINAL,
            )
        if sha256_of_json(content) != told:
            raise StudyError(f"Event {number} of {path} was altered.", _THE_ORIGINAL)
        last = told
        events.append(event)
    return events


def _event_of(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


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
