"""A reading goes on where it was, whenever it was killed, and keeps every answer."""

import random
import shutil
import subprocess
import sys
import textwrap
import time
from datetime import datetime

import pytest

from made_up_study import made_up_study
from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study import reading_log
from napari_tumor_synth.study.answers_table import gather
from napari_tumor_synth.study.event_chain import beginning_of, read_log
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.reading import open_reading
from napari_tumor_synth.study.study_file import Study


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_up_study(tmp_path_factory.mktemp("made"), allow_back=True)


@pytest.fixture
def study(made, tmp_path):
    """A copy that nobody has read."""
    shutil.copytree(made.study.folder, tmp_path / "study")
    return Study.open(tmp_path / "study")


def answer(reading, rating=2):
    reading.shown()
    reading.rate(rating)
    reading.confirm()
    if reading.phase == "feedback":
        reading.end_feedback()


def read_through(reading, ratings=None):
    """Answer all that is left."""
    ratings = iter(ratings or [])
    if reading.phase == "consent":
        reading.agree(experience="10 years")
    while reading.phase != "finished":
        if reading.phase == "break":
            reading.end_break()
        else:
            answer(reading, next(ratings, 3))


def test_the_whole_way(study):
    reading = open_reading(study, "R1")
    assert reading.phase == "consent"
    reading.agree(experience="10 years", specialty="neuroradiology")
    phases = []
    while reading.phase != "finished":
        phases.append(reading.phase)
        if reading.phase == "break":
            reading.end_break()
        else:
            answer(reading)
    first, second = (len(block) for block in study.file.plan_of("R1").blocks)
    cases = ["case"] * first + ["break"] + ["case"] * second
    assert phases == ["training"] * 2 + ["break"] + cases
    assert (reading.done, reading.total) == (14, 14)
    assert reading.step is None
    reading.close()
    events = [event["event"] for event in read_log(*log_of(study))]
    assert events[0] == "agreed"
    assert events[-1] == "finished"
    assert events.count("case_done") == 16
    assert events.count("feedback_seen") == 2


def log_of(study, reader="R1"):
    return study.readings / f"{reader}.jsonl", beginning_of(study.file.sha256, reader)


def test_answers_are_kept_with_all_that_was_said(study, made):
    reading = open_reading(study, "R1")
    reading.agree()
    for _ in range(2):
        answer(reading)
    reading.end_break()
    reading.shown()
    reading.note("first_input")
    reading.note("slice", plane="axial", index=3)
    reading.note("slice", plane="axial", index=4)
    reading.note("slice", plane="axial", index=3)
    reading.note("window", low=10, high=200)
    reading.rate(5)
    reading.rate(6)
    reading.give_reasons(["texture", "noise"])
    reading.comment("too smooth")
    reading.confirm()
    reading.shown()
    reading.rate(1)
    reading.cannot_judge("cut off")
    assert reading.draft.rating is None
    reading.confirm()
    reading.close()
    rows = gather(study, read_key_file(made.key, study.file)).rows
    first, second = rows
    assert (first.rating, first.revisions, first.comment) == (6, 1, "too smooth")
    assert first.reasons == ("texture", "noise")
    assert first.slices == {"axial": 2, "coronal": 0, "sagittal": 0}
    assert first.window == (10, 200)
    assert first.is_right == (first.truth == "synthetic")
    assert (second.rating, second.is_right, second.cannot_judge) == (None, None, "cut off")


def test_seconds_leave_out_pauses_and_the_time_between_programs(study, made):
    reading = open_reading(study, "R1")
    reading.agree()
    for _ in range(2):
        answer(reading)
    reading.end_break()
    reading.shown()
    time.sleep(0.2)
    reading.note("first_input")
    time.sleep(0.1)
    reading.pause()
    time.sleep(0.5)
    reading.go_on()
    time.sleep(0.1)
    reading.close()
    time.sleep(0.3)
    reading = open_reading(study, "R1")
    reading.shown()
    time.sleep(0.1)
    reading.rate(2)
    reading.confirm()
    reading.close()
    (row,) = gather(study, read_key_file(made.key, study.file)).rows
    assert 0.5 <= row.seconds < 0.75
    assert 0.2 <= row.seconds_to_first < 0.3


def test_halves_of_signs_do_not_stop_a_reading(study):
    reading = open_reading(study, "R1")
    reading.agree(specialty="x\ud83d")
    reading.shown()
    reading.comment("ring \ud83d é")
    reading.cannot_judge("\udc00 dark")
    reading.close()
    assert reading.draft.cannot_judge == "? dark"
    assert open_reading(study, "R1").draft.comment == "ring ? é"


def test_a_reading_that_was_killed_at_its_end_is_sealed_later(study):
    reading = open_reading(study, "R1")
    read_through(reading)
    reading.close()
    path = log_of(study)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    assert b'"finished"' in lines[-1]
    sealed = reading.seal
    path.write_bytes(b"".join(lines[:-1]))
    again = open_reading(study, "R1")
    assert again.phase == "finished"
    assert len(again.seal) == len(sealed) == 12
    again.close()
    once_more = open_reading(study, "R1")
    assert once_more.seal == again.seal
    once_more.close()


def test_one_may_go_back_within_a_block_only(study, made):
    reading = open_reading(study, "R1")
    reading.agree()
    for _ in range(2):
        answer(reading)
    assert not reading.may_go_back
    reading.end_break()
    assert not reading.may_go_back
    answer(reading, 1)
    assert reading.may_go_back
    reading.back()
    assert reading.draft.rating == 1
    reading.shown()
    reading.rate(6)
    reading.confirm()
    for _ in range(len(study.file.plan_of("R1").blocks[0]) - 1):
        answer(reading)
    assert reading.phase == "break"
    assert not reading.may_go_back
    with pytest.raises(ValueError, match="no way back"):
        reading.back()
    reading.end_break()
    assert not reading.may_go_back
    reading.close()
    rows = gather(study, read_key_file(made.key, study.file)).rows
    assert rows[0].rating == 6
    assert {row.rating for row in rows[1:]} == {2}
    assert rows[0].revisions == 1
    ratings = [
        event["rating"] for event in read_log(*log_of(study)) if event["event"] == "case_done"
    ]
    assert ratings[:4] == [2, 2, 1, 6]  # the first answer is still there
    assert set(ratings[4:]) == {2}


def test_without_permission_there_is_no_way_back(tmp_path):
    reading = open_reading(made_up_study(tmp_path).study, "R1")
    reading.agree()
    for _ in range(2):
        answer(reading)
    reading.end_break()
    answer(reading)
    assert not reading.may_go_back
    reading.close()


def test_what_cannot_be_done(study):
    with pytest.raises(StudyError, match=r"no reader R9.*R1, R2"):
        open_reading(study, "R9")
    reading = open_reading(study, "R1")
    with pytest.raises(ValueError, match="consent, not training or case"):
        reading.shown()
    reading.agree()
    reading.shown()
    with pytest.raises(StudyError, match="no answer yet"):
        reading.confirm()
    with pytest.raises(ValueError, match="no such rating: 7"):
        reading.rate(7)
    with pytest.raises(ValueError, match="no such reasons"):
        reading.give_reasons(["colour"])
    with pytest.raises(StudyError, match="needs a reason"):
        reading.cannot_judge(" ")
    with pytest.raises(StudyError, match="already reading"):
        open_reading(study, "R1")
    open_reading(study, "R2").close()
    reading.close()


def test_a_log_of_other_cases_is_refused(study):
    reading = open_reading(study, "R1")
    reading.agree()
    reading.log.append("case_done", token="0" * 16, rating=1)
    reading.log.close()
    with pytest.raises(StudyError, match=r"a case that is not the next one \(event 1\)"):
        open_reading(study, "R1")
    open_reading(study, "R2").close()


def test_a_clock_that_is_set_back_changes_no_time(study, made, monkeypatch):
    class LongAgo:
        @staticmethod
        def now(tz):
            return datetime(1999, 1, 1, tzinfo=tz)

    reading = open_reading(study, "R1")
    reading.agree()
    for _ in range(2):
        answer(reading)
    reading.end_break()
    answer(reading)
    monkeypatch.setattr(reading_log, "datetime", LongAgo)
    reading.shown()
    time.sleep(0.05)
    reading.rate(4)
    reading.confirm()
    reading.close()
    found = gather(study, read_key_file(made.key, study.file))
    assert found.readings[0].clock_set_back == 1
    assert 0.05 <= found.rows[1].seconds < 1


READER = """
    import random, sys
    from napari_tumor_synth.study.reading import open_reading
    from napari_tumor_synth.study.study_file import Study
    reading = open_reading(Study.open(sys.argv[1]), "R1")
    chance = random.Random(sys.argv[2])
    print("begun", flush=True)
    if reading.phase == "consent":
        reading.agree()
    while reading.phase != "finished":
        if reading.phase == "break":
            reading.end_break()
        elif reading.phase == "feedback":
            reading.end_feedback()
        else:
            reading.shown()
            for index in range(chance.randrange(5)):
                reading.note("slice", plane="axial", index=index)
            rating, place = chance.randint(1, 6), reading.step.place
            reading.rate(rating)
            reading.confirm()
            print(place, rating, flush=True)
    print("finished", flush=True)
"""


def test_killed_at_any_moment_nothing_that_was_confirmed_is_lost(study, made, tmp_path):
    script = tmp_path / "reader.py"
    script.write_text(textwrap.dedent(READER), "utf-8")
    chance = random.Random(1)
    confirmed, kills = 0, 0
    for attempt in range(40):
        with subprocess.Popen(
            [sys.executable, script, study.folder, str(attempt)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "begun\n"
            time.sleep(chance.uniform(0, 0.004))
            process.kill()
            told = process.stdout.read().splitlines()
        kills += "finished" not in told
        events = read_log(*log_of(study)) if log_of(study)[0].exists() else []
        done = sum(event["event"] == "case_done" for event in events)
        assert done >= confirmed + sum(" " in line for line in told)
        confirmed = done
        if "finished" in told:
            break
    reading = open_reading(study, "R1")
    read_through(reading)
    reading.close()
    assert kills >= 3
    events = read_log(*log_of(study))
    tokens = [event["token"] for event in events if event["event"] == "case_done"]
    plan = study.file.plan_of("R1")
    training = [case.presentation.token for case in study.file.training]
    assert tokens == training + [one.token for one in plan.presentations]
    found = gather(study, read_key_file(made.key, study.file))
    assert found.readings[0].finished
    assert found.readings[0].sessions >= kills
