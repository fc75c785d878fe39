import threading
import time

import pytest

pytest.importorskip("qtpy.QtCore")

import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.progress import Progress
from napari_tumor_synth.widgets import jobs, run_bar
from napari_tumor_synth.widgets.jobs import Job, UnexpectedError
from napari_tumor_synth.widgets.run_bar import RunBar

pytestmark = pytest.mark.gui


class ArrayMemoryError(MemoryError):
    """As numpy's."""


@pytest.fixture
def job(qtbot):
    job = Job()
    yield job
    job.close()
    qtbot.waitUntil(lambda: not job.is_running)


def events_of(job):
    seen = []
    job.started.connect(lambda: seen.append("started"))
    job.succeeded.connect(lambda result: seen.append(("succeeded", result)))
    job.failed.connect(lambda error: seen.append(("failed", str(error))))
    job.cancelled.connect(lambda: seen.append("cancelled"))
    job.ended.connect(lambda: seen.append("ended"))
    return seen


def endless(on_progress):
    step = 0
    while True:
        on_progress(Progress(step, 10**9, "on and on"))
        step += 1
        time.sleep(0.002)


def test_the_result_arrives_in_the_thread_of_the_window(job, qtbot):
    threads = []
    job.succeeded.connect(lambda result: threads.append(threading.get_ident()))
    seen = events_of(job)
    with qtbot.waitSignal(job.ended):
        job.start(lambda on_progress: threading.get_ident())
    assert seen[0] == "started"
    assert seen[1][0] == "succeeded"
    assert seen[1][1] != threading.get_ident()  # where the work was done
    assert threads == [threading.get_ident()]


def test_progress_is_told_not_too_often_and_the_last_step_always(job, qtbot, monkeypatch):
    monkeypatch.setattr(jobs, "_QUIET_SECONDS", 0)
    told = []
    job.progressed.connect(told.append)

    def work(on_progress):
        for step in range(1, 501):
            on_progress(Progress(step, 500))

    with qtbot.waitSignal(job.ended):
        job.start(work)
    assert told[-1].step == 500
    assert len(told) < 100


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("The file is odd.", "Take another."), "The file is odd. Take another."),
        (RuntimeError("CUDA says no"), "RuntimeError: CUDA says no"),
        (ValueError("x"), "ValueError: x"),
        (SystemExit(1), "SystemExit: 1"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (StopIteration(), "StopIteration"),
        (MemoryError(), "memory of the machine or of the device did not suffice. Close other"),
        (ArrayMemoryError("Unable to allocate 7.28 TiB"), "did not suffice. Close other"),
        (torch.OutOfMemoryError("CUDA out of memory"), "did not suffice. Close other"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "did not suffice. Close"),
    ],
)
def test_every_failure_is_a_sentence(job, qtbot, error, words):
    def work(on_progress):
        raise error

    seen = events_of(job)
    with qtbot.waitSignal(job.ended):
        job.start(work)
    assert seen[1][0] == "failed"
    assert words in seen[1][1]
    assert not job.is_running


def test_nothing_is_told_of_a_short_run(job, qtbot):
    told = []
    job.progressed.connect(told.append)
    with qtbot.waitSignal(job.ended):
        job.start(lambda on_progress: on_progress(Progress(1, 1, "drawing")))
    assert told == []


def test_what_is_done_is_told_at_once_when_it_changes(job, qtbot, monkeypatch):
    monkeypatch.setattr(jobs, "_QUIET_SECONDS", 0)
    told = []
    job.progressed.connect(lambda progress: told.append(progress.message))

    def work(on_progress):
        for message in ("opening", "drawing", "drawing"):
            on_progress(Progress(0, 9, message))

    with qtbot.waitSignal(job.ended):
        job.start(work)
    assert told == ["opening", "drawing"]


def test_loading_counts_neither_as_a_step_nor_as_time(job, qtbot, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(run_bar.time, "monotonic", lambda: clock[0])
    bar = RunBar(job, "Go")
    qtbot.addWidget(bar)
    job.started.emit()
    job.progressed.emit(Progress(0, 1, "opening the model"))
    assert bar.words.text() == "opening the model…"
    clock[0] = 60.0
    job.progressed.emit(Progress(1, 11, "drawing"))
    clock[0] = 61.0
    job.progressed.emit(Progress(2, 11, "drawing"))
    assert bar.words.text() == "drawing, step 2 of 11, about 9 s left"


def test_details_of_a_fault_hold_the_traceback():
    with pytest.raises(KeyError) as caught:
        raise KeyError("lost")
    assert "test_details_of_a_fault" in UnexpectedError(caught.value).details


def test_cancelling_is_prompt_and_the_next_job_runs(job, qtbot):
    seen = events_of(job)
    job.start(endless)
    qtbot.wait(50)
    begin = time.monotonic()
    with qtbot.waitSignal(job.ended, timeout=2000):
        job.cancel()
    assert time.monotonic() - begin < 1
    with qtbot.waitSignal(job.ended):
        job.start(lambda on_progress: 3)
    assert seen == ["started", "cancelled", "ended", "started", ("succeeded", 3), "ended"]


def test_an_outdated_request_is_cancelled_and_only_the_latest_follows(job, qtbot):
    seen = events_of(job)
    job.start(endless)
    for number in range(5):
        job.start(lambda on_progress, number=number: number)
    qtbot.waitUntil(lambda: ("succeeded", 4) in seen)
    assert seen == ["started", "cancelled", "ended", "started", ("succeeded", 4), "ended"]


def test_a_closed_job_is_silent(qtbot):
    job = Job()
    seen = events_of(job)
    job.start(endless)
    job.close()
    qtbot.waitUntil(lambda: not job.is_running)
    job.start(endless)
    assert seen == ["started"]
    assert not job.is_running
