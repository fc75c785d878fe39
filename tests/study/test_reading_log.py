"""A reading log loses nothing, and shows what was changed."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tumor_synth.errors import OutputError, StudyError
from napari_tumor_synth.study import reading_log
from napari_tumor_synth.study.event_chain import beginning_of, read_log
from napari_tumor_synth.study.reading_log import ReadingLog

BEGINNING = beginning_of("a" * 64, "R1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "readings" / "R1.jsonl"


def written(path, count=5):
    log = ReadingLog(path, BEGINNING)
    for number in range(count):
        log.append("answer", rating=number, text="ä\n\u2028")
    log.close()
    return log.events


def test_events_come_back_as_they_were(path):
    events = written(path)
    assert read_log(path, BEGINNING) == events
    assert [event["n"] for event in events] == list(range(5))
    assert events[0]["prev"] == BEGINNING
    assert all(later["prev"] == one["sha256"] for one, later in zip(events, events[1:]))  # noqa: B905, RUF007
    log = ReadingLog(path, BEGINNING)
    log.append("answer", rating=9)
    log.close()
    assert [event["rating"] for event in read_log(path, BEGINNING)] == [0, 1, 2, 3, 4, 9]
    assert len({event["session"] for event in read_log(path, BEGINNING)}) == 2


def test_a_line_that_was_cut_off_goes_and_is_told_of(path):
    events = written(path)
    with path.open("ab") as stream:
        stream.write(b'{"n":5,"event":"ans')
    assert read_log(path, BEGINNING) == events
    log = ReadingLog(path, BEGINNING)
    assert log.events[:5] == events
    assert log.events[5]["event"] == "recovered"
    assert log.events[5]["bytes_dropped"] == 19
    log.append("answer", rating=7)
    log.close()
    assert len(read_log(path, BEGINNING)) == 7


def test_a_whole_event_whose_end_of_line_was_lost_stays(path):
    events = written(path)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_log(path, BEGINNING) == events
    log = ReadingLog(path, BEGINNING)
    assert log.events == events
    log.append("answer", rating=9)
    log.close()
    assert len(read_log(path, BEGINNING)) == 6


@pytest.mark.parametrize(
    "stored", [b"notes of a radiologist", b"\n", b'{"n":7,"event":"', b'\r{"n":0', b"[]"]
)
def test_what_is_no_log_is_not_touched(path, stored):
    path.parent.mkdir()
    path.write_bytes(stored)
    for opened in (lambda: ReadingLog(path, BEGINNING), lambda: read_log(path, BEGINNING)):
        with pytest.raises(StudyError, match="Event 0 of"):
            opened()
    assert path.read_bytes() == stored


def test_other_line_ends_are_refused_and_kept(path):
    written(path)
    stored = path.read_bytes().replace(b"\n", b"\r")
    path.write_bytes(stored)
    with pytest.raises(StudyError, match="is damaged"):
        ReadingLog(path, BEGINNING)
    assert path.read_bytes() == stored


def changed(line, **fields):
    return json.dumps({**json.loads(line), **fields}, ensure_ascii=False, separators=(",", ":"))


CHANGES = {
    "Event 2 of .* was altered": lambda lines: [
        *lines[:2],
        changed(lines[2], rating=6),
        *lines[3:],
    ],
    "broken at event 2": lambda lines: [*lines[:2], *lines[3:]],
    "broken at event 1": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "belongs to another study": lambda lines: lines[1:],
    "broken at event 3": lambda lines: [*lines[:3], lines[2], *lines[3:]],
    "Event 1 of .* is damaged": lambda lines: [lines[0], "{]", *lines[2:]],
    "Event 4 of .* is damaged": lambda lines: [*lines[:4], "[]"],
    "Event 0 of .* is damaged": lambda lines: ["", *lines],
}


@pytest.mark.parametrize("problem", CHANGES)
def test_changes_are_told_with_their_place(path, problem):
    written(path)
    lines = path.read_text("utf-8").split("\n")[:-1]
    path.write_text("\n".join([*CHANGES[problem](lines), ""]), "utf-8")
    with pytest.raises(StudyError, match=problem):
        read_log(path, BEGINNING)
    with pytest.raises(StudyError, match=problem):
        ReadingLog(path, BEGINNING)
    before = path.read_bytes()
    with pytest.raises(StudyError, match=problem):  # the lock was given back
        ReadingLog(path, BEGINNING)
    assert path.read_bytes() == before


def test_logs_of_others_are_refused(path):
    written(path)
    for study, reader in (("b" * 64, "R1"), ("a" * 64, "R2")):
        with pytest.raises(StudyError, match="belongs to another study or reader"):
            read_log(path, beginning_of(study, reader))
    with pytest.raises(StudyError, match="cannot be read"):
        read_log(path.with_name("R2.jsonl"), BEGINNING)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_changed_byte_goes_unseen(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "R1.jsonl"
    events = written(path)
    stored = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(stored))
    try:
        found = read_log(path, BEGINNING)
    except StudyError:
        return
    assert found == events[: len(found)]  # only the end can go, and then lines are missing
    assert len(found) == 4
    assert place == len(stored) - 1


def test_two_windows_cannot_write_one_log(path):
    log = ReadingLog(path, BEGINNING)
    log.append("answer", rating=1)
    with pytest.raises(StudyError, match="R1 is already reading in another window"):
        ReadingLog(path, BEGINNING)
    program = textwrap.dedent(f"""
        from pathlib import Path
        from napari_tumor_synth.errors import StudyError
        from napari_tumor_synth.study.reading_log import ReadingLog
        try:
            ReadingLog(Path({str(path)!r}), {BEGINNING!r})
        except StudyError as error:
            print(error.problem)
    """)
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "already reading" in told.stdout
    log.close()
    ReadingLog(path, BEGINNING).close()


def test_a_full_disk_loses_nothing(path):
    log = ReadingLog(path, BEGINNING)
    log.append("answer", rating=1)
    kept = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) + 50, limits[1]))
        with pytest.raises(OutputError, match="Cannot write the reading log"):
            log.append("answer", rating=2)
        assert path.read_bytes() == kept
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    log.append("answer", rating=3)
    log.close()
    assert [event["rating"] for event in read_log(path, BEGINNING)] == [1, 3]


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="Cannot write the reading log"):
        ReadingLog(tmp_path / "file" / "R1.jsonl", BEGINNING)


def test_every_event_is_on_the_disk_when_append_returns(path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(reading_log.os, "fsync", lambda file: (synced.append(file), real(file)))
    log = ReadingLog(path, BEGINNING)
    log.append("answer", rating=1)
    assert len(synced) == 1
    log.append("slice", durable=False, index=3)
    assert len(synced) == 1
    assert len(read_log(path, BEGINNING)) == 2  # handed to the system all the same
    log.close()
