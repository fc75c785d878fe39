"""One way to report long work, one way to stop it."""

import dataclasses

import pytest

from napari_tumor_synth.progress import Progress, ignore_progress


def test_progress_is_a_value():
    progress = Progress(2, 5, "decoding")

    assert dataclasses.astuple(progress) == (2, 5, "decoding", None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress.step = 3


def test_progress_can_be_ignored():
    assert ignore_progress(Progress(1, 1)) is None
