"""One way to report long work, one way to stop it."""

import dataclasses

import pytest

from napari_tumor_synth.progress import Cancelled, OnProgress, Progress, ignore_progress


def service(steps: int, on_progress: OnProgress = ignore_progress) -> int:
    """Work as every service works."""
    for step in range(1, steps + 1):
        on_progress(Progress(step, steps, "working"))
    return steps


def test_progress_is_a_value():
    progress = Progress(2, 5, "decoding")

    assert dataclasses.astuple(progress) == (2, 5, "decoding", None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress.step = 3


def test_progress_can_be_ignored():
    assert service(3) == 3


def test_listener_hears_every_step_and_can_stop_the_work():
    heard = []

    def stop_at_two(progress: Progress) -> None:
        heard.append(progress.step)
        if progress.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        service(5, stop_at_two)

    assert heard == [1, 2]
