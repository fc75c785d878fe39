"""Events of a reading log, chained by hashes, so that changes are seen.

Each event is a line of JSON that holds the SHA-256 of the one before; the first holds that of the
study and the reader.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.study_file import sha256_of_json

Event = dict[str, Any]
_LARGEST = 500_000_000  # bytes
_AN_END = re.compile(rb'"sha256":"[0-9a-f]{64}"}')
_SEAL = 12  # digits
_THE_ORIGINAL = "Take the original log from the machine of the reading; altered ones cannot count."


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
    return events_of(stored, beginning, path)[0]


def events_of(stored: bytes, beginning: str, path: Path) -> tuple[list[Event], bytes]:
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
