"""One place decides how many cores are used."""

import os
import subprocess
import sys
import threading

import pytest

from napari_tumor_synth.processors import available_cores, thread_pool, worker_count
from napari_tumor_synth.progress import Cancelled

ONE_CORE = """
import os
from napari_tumor_synth.processors import available_cores, worker_count
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(available_cores(), worker_count(), worker_count(reserve=1), worker_count(4))
"""


def test_request_of_the_user_is_kept_whatever_the_machine_has():
    assert worker_count(7) == 7
    assert worker_count(1, reserve=3) == 1


@pytest.mark.parametrize("requested", [0, -2])
def test_at_least_one_worker(requested):
    assert worker_count(requested) == 1


def test_all_cores_less_the_reserve(monkeypatch):
    monkeypatch.setattr("napari_tumor_synth.processors.available_cores", lambda: 8)

    assert worker_count() == 8
    assert worker_count(reserve=1) == 7
    assert worker_count(reserve=20) == 1


def test_machines_without_affinity_count_their_cores(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_affinity_is_respected():
    printed = subprocess.run(
        [sys.executable, "-c", ONE_CORE], capture_output=True, text=True, check=True
    ).stdout

    assert printed.split() == ["1", "1", "1", "4"]


def test_threads_begin_nothing_once_the_block_is_left():
    begun, both_begun, go_on = [], threading.Barrier(3), threading.Event()

    def work(number):
        begun.append(number)
        both_begun.wait(20)
        assert go_on.wait(20)

    def stop():
        with thread_pool(2) as pool:
            for number in range(50):
                pool.submit(work, number)
            both_begun.wait(20)
            threading.Timer(0.1, go_on.set).start()
            raise Cancelled

    with pytest.raises(Cancelled):
        stop()
    assert sorted(begun) == [0, 1]
