import os
import random

import pytest

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.training.runs.curves import CurveReader, append_rows, cut_back


@pytest.fixture
def path(tmp_path):
    return tmp_path / "curves.csv"


def test_a_reader_reads_on_as_curves_grow(path):
    reader = CurveReader(path.parent)
    assert not reader.poll()
    append_rows(path, "a", 1, {"x": 1.0, "y": 2.0})
    assert reader.poll()
    assert not reader.poll()
    append_rows(path, "a", 2, {"x": 3.0})
    assert reader.poll()
    assert reader.curves == {("a", "x"): [(1, 1.0), (2, 3.0)], ("a", "y"): [(1, 2.0)]}


def test_a_line_that_is_being_written_is_read_when_it_is_whole(path):
    append_rows(path, "a", 1, {"x": 1.0})
    reader = CurveReader(path.parent)
    reader.poll()
    with path.open("a") as stream:
        stream.write("a,2,x,0.1")
        stream.flush()
        assert not reader.poll()
        stream.write("25\n")
    assert reader.poll()
    assert reader.curves["a", "x"] == [(1, 1.0), (2, 0.125)]


def test_a_reader_notices_that_a_run_went_back(path):
    for step in range(1, 6):
        append_rows(path, "a", step, {"x": step})
    reader = CurveReader(path.parent)
    reader.poll()
    cut_back(path, "a", 2)
    for step in range(3, 9):  # longer than before, between two looks
        append_rows(path, "a", step, {"x": -step})
    assert reader.poll()
    assert reader.curves["a", "x"] == [(1, 1.0), (2, 2.0), *((s, -s) for s in range(3, 9))]


def test_only_later_steps_of_that_stage_are_forgotten(path):
    append_rows(path, "a", 9, {"x": 1.0})
    append_rows(path, "b", 5, {"x": 2.0})
    before = path.read_bytes()
    append_rows(path, "b", 6, {"x": 3.0})
    cut_back(path, "b", 5)
    assert path.read_bytes() == before
    cut_back(path, "b", 5)
    assert path.read_bytes() == before


def test_any_damage_is_passed_over(path):
    chance = random.Random(0)
    for step in range(20):
        append_rows(path, "a", step, {"x": 0.5 * step, "y": 1.0})
    whole = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        cut_back(path, "a", 7)
        append_rows(path, "a", 8, {"x": 1.0})
        reader = CurveReader(path.parent)
        reader.poll()
        assert max(step for step, _ in reader.curves["a", "x"]) == 8


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no full device")
def test_a_full_disk_is_a_sentence(tmp_path):
    full = tmp_path / "curves.csv"
    full.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        append_rows(full, "a", 1, {"x": 1.0})
