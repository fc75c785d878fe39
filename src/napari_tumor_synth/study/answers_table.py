"""What readers answered, unblinded: one row a reader and case, from logs and the key."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from napari_tumor_synth.study.case_clock import CaseClock
from napari_tumor_synth.study.event_chain import Event, beginning_of, read_log, seal_of
from napari_tumor_synth.study.key_file import KeyFile, KeyImage
from napari_tumor_synth.study.scale import MIDDLE
from napari_tumor_synth.study.steps import steps_of
from napari_tumor_synth.study.study_file import Presentation, Study

_PLANES = ("axial", "coronal", "sagittal")


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The answer of one reader to one case.

    Attributes
    ----------
    reader : str
    place : int
        Which case of the reader it was, from 0.
    block : int
        From 0.
    image : str
        Token of the display copy; of a pair, of the synthetic one.
    other : str
        Token of the real one of a pair, else empty.
    case : str
        Of a pair both, the real one first.
    is_repeat : bool
    truth : {"real", "synthetic", "left", "right"}
        What it is, or which one of a pair is synthetic.
    generator : str
        Of the synthetic one; empty for a real ROI.
    class_name : str
    volume_ml : float
        Of a pair that of the synthetic one.
    rating : int or None
        1 to 6; None where it could not be judged.
    is_right : bool or None
    seconds, seconds_to_first : float or None
        On screen until it was confirmed, and until anything was touched; without pauses and what
        was lost between programs.
    revisions : int
    slices : dict of str to int
        How many different slices of each plane were seen.
    window : tuple of float or None
        That it was answered with.
    reasons : tuple of str
    comment, cannot_judge : str
    """

    reader: str
    place: int
    block: int
    image: str
    other: str
    case: str
    is_repeat: bool
    truth: str
    generator: str
    class_name: str
    volume_ml: float
    rating: int | None
    is_right: bool | None
    seconds: float | None
    seconds_to_first: float | None
    revisions: int
    slices: dict[str, int]
    window: tuple[float, float] | None
    reasons: tuple[str, ...]
    comment: str
    cannot_judge: str


@dataclass(frozen=True, slots=True)
class ReaderReading:
    """How far a reader got.

    Attributes
    ----------
    reader : str
    planned, done, repeats, judged : int
        Presentations, those that were confirmed, the repeats among them, and those with a rating.
    sessions : int
        How often the program was started.
    clock_set_back : int
        How often an event has an earlier time of day than the one before.
    about : dict of str to str
        What the reader said of experience and display.
    finished : bool
    seal : str
        See `seal_of`.
    """

    reader: str
    planned: int
    done: int
    repeats: int
    judged: int
    sessions: int
    clock_set_back: int
    about: dict[str, str]
    finished: bool
    seal: str


@dataclass(frozen=True, slots=True)
class StudyAnswers:
    """All that was answered.

    Attributes
    ----------
    rows : tuple of AnswerRow
        Ordered by reader and place; the last answer to each presentation.
    readings : tuple of ReaderReading
        Of the readers who began.
    """

    rows: tuple[AnswerRow, ...]
    readings: tuple[ReaderReading, ...]


def gather(study: Study, key: KeyFile) -> StudyAnswers:
    """Read all logs of a study and tell what each answer was about.

    Raises
    ------
    StudyError
        A log is of another study or reader, or was altered.
    """
    rows: list[AnswerRow] = []
    readings: list[ReaderReading] = []
    for plan in study.file.readers:
        path = study.log_of(plan.reader)
        if not path.is_file():
            continue
        events = read_log(path, beginning_of(study.file.sha256, plan.reader))
        found = list(_rows_of(study, key, plan.reader, events))
        rows += found
        readings.append(_reading_of(plan.reader, len(plan.presentations), events, found))
    return StudyAnswers(tuple(rows), tuple(readings))


def _rows_of(
    study: Study, key: KeyFile, reader: str, events: Sequence[Event]
) -> Iterator[AnswerRow]:
    by_token: dict[str, list[Event]] = {}
    for event in events:
        if "token" in event:
            by_token.setdefault(event["token"], []).append(event)
    stretches = _stretches(events)
    for step in steps_of(study.file, reader):
        shown = step.presentation
        if step.kind != "case" or shown is None:
            continue
        own = by_token.get(shown.token, [])
        done = [event for event in own if event["event"] == "case_done"]
        if done:
            yield _row(
                study, key, reader, step.place, step.block, shown, own,
                stretches.get(shown.token, (None, None)),
            )  # fmt: skip


def _row(
    study: Study,
    key: KeyFile,
    reader: str,
    place: int,
    block: int,
    shown: Presentation,
    events: Sequence[Event],
    times: tuple[float | None, float | None],
) -> AnswerRow:
    done = [event for event in events if event["event"] == "case_done"][-1]
    images = [key.images[token] for token in shown.images]
    truth, chosen = _truth_of(images)
    rating = done["rating"]
    high = truth in ("synthetic", "right")
    windows = _since_shown(events, "window")
    return AnswerRow(
        reader=reader, place=place, block=block, image=shown.images[images.index(chosen)],
        other="".join(t for t, one in zip(shown.images, images, strict=True) if one is not chosen),
        case=" + ".join(sorted((one.case for one in images), key=lambda n: n == chosen.case)),
        is_repeat=images[0].is_repeat, truth=truth, generator=chosen.generator,
        class_name=chosen.class_name, volume_ml=chosen.volume_ml, rating=rating,
        is_right=None if rating is None else (rating > MIDDLE) == high,
        seconds=times[0], seconds_to_first=times[1],
        revisions=sum(event["event"] == "answer_revised" for event in events),
        slices={plane: _slices(events, plane) for plane in _PLANES},
        window=(windows[-1]["low"], windows[-1]["high"]) if windows else None,
        reasons=tuple(done["reasons"]), comment=done["comment"], cannot_judge=done["cannot_judge"],
    )  # fmt: skip


def _since_shown(events: Sequence[Event], name: str) -> list[Event]:
    """Return events since the case was last put on screen, where it begins in the whole window."""
    shown = max((event["n"] for event in events if event["event"] == "case_shown"), default=-1)
    return [event for event in events if event["event"] == name and event["n"] > shown]


def _slices(events: Sequence[Event], plane: str) -> int:
    begun = {event["slices"][plane] for event in events if plane in event.get("slices", {})}
    up = next((event["n"] for event in events if event["event"] == "time_up"), math.inf)
    seen = [
        event
        for event in events
        if event["event"] == "slice" and event["plane"] == plane and event["n"] < up
    ]
    return len(begun | {event["index"] for event in seen})


def _truth_of(images: Sequence[KeyImage]) -> tuple[str, KeyImage]:
    """Return the right answer, and the image that it is about."""
    if len(images) == 1:
        return images[0].truth, images[0]
    number = [image.truth for image in images].index("synthetic")
    return ("left", "right")[number], images[number]


def _stretches(events: Sequence[Event]) -> dict[str, tuple[float | None, float | None]]:
    """Return seconds on screen, and until the first input, of each presentation."""
    clock, first = CaseClock(), dict[str, float]()
    for event in events:
        clock.follow(event)
        token = clock.token
        if token is not None and event["event"] in _INPUTS:
            first.setdefault(token, clock.seconds[token])
    return {token: (spent, first.get(token)) for token, spent in clock.seconds.items()}


_INPUTS = ("first_input", "slice", "window", "answer", "cannot_judge", "reasons", "comment")


def _reading_of(
    reader: str, planned: int, events: Sequence[Event], rows: Sequence[AnswerRow]
) -> ReaderReading:
    times = [event["utc"] for event in events]
    about = [event["about"] for event in events if event["event"] == "agreed"]
    return ReaderReading(
        reader,
        planned,
        len(rows),
        sum(row.is_repeat for row in rows),
        sum(row.rating is not None for row in rows),
        len({event["session"] for event in events}),
        sum(later < earlier for earlier, later in pairwise(times)),
        about[-1] if about else {},
        finished=len(rows) == planned,
        seal=seal_of(events),
    )
