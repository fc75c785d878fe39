"""`tumor-synth generate --precision`: what it changes, what it refuses, what the record tells."""

import json

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.generators import free_memory


def _record(folder):
    (path,) = folder.glob("synthetic_*.json")
    return path, json.loads(path.read_text("utf-8"))


def _image(folder):
    (path,) = folder.glob("*_roi.nii.gz")
    return np.asarray(nib.load(path).dataobj)


def test_the_record_tells_the_precision_and_a_repeat_keeps_it(run, tiny, tmp_path):
    given = ("generate", "--model", tiny, "--class", "LGG", "--seed", 5, "--device", "cpu")
    for precision in ("float32", "bfloat16", "int8"):
        run(*given, "--precision", precision, "--out", tmp_path / precision)
        path, record = _record(tmp_path / precision)
        assert record["precision"] == precision
        again = tmp_path / f"{precision}-again"
        run("generate", "--model", tiny, "--from", path, "--out", again)
        assert np.array_equal(_image(again), _image(tmp_path / precision))
        assert _record(again)[1]["precision"] == precision
    run(*given, "--out", tmp_path / "auto")
    assert _record(tmp_path / "auto")[1]["precision"] == "int8"
    assert np.array_equal(_image(tmp_path / "auto"), _image(tmp_path / "int8"))
    assert _record(tmp_path / "float32")[1]["decoder_precision"] == "float32"


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_sample_depends_on_its_seed_only_in_every_precision(run, tiny, tmp_path, precision):
    given = ("generate", "--model", tiny, "--class", "HGG", "--precision", precision)
    run(*given, "--seed", 3, "--count", 10, "--out", tmp_path / "many")
    run(*given, "--seed", 11, "--out", tmp_path / "one")
    name = "synthetic_HGG_000011_roi.nii.gz"
    assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_samples_in_another_precision_are_kept(run, refuse, tiny, tmp_path):
    given = ("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path)
    run(*given)
    before = _image(tmp_path)
    words = refuse(*given, "--precision", "float32")
    assert "--overwrite" in words
    assert np.array_equal(_image(tmp_path), before)
    run(*given, "--precision", "float32", "--overwrite")
    assert _record(tmp_path)[1]["precision"] == "float32"


def test_what_is_not_available_is_refused(refuse, tiny, tiny_parallel, tmp_path):
    out = tmp_path / "out"
    words = refuse(
        "generate", "--model", tiny, "--class", "LGG", "--precision", "int4", "--out", out
    )
    assert "auto, float32, bfloat16, int8" in words
    words = refuse(
        "generate", "--model", tiny_parallel, "--class", "LGG", "--precision", "int8", "--out", out
    )
    assert "parallel decoding" in words
    assert not out.exists()


def test_a_repeat_takes_no_precision(run, refuse, tiny, tmp_path):
    run("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path)
    path, _ = _record(tmp_path)
    words = refuse("generate", "--from", path, "--precision", "float32", "--out", tmp_path / "out")
    assert "--precision" in words


def test_the_memory_that_it_takes_is_told_before_and_in_json(run, tiny, tmp_path):
    given = ("generate", "--model", tiny, "--class", "LGG", "--device", "cpu")
    outcome = run(*given, "--out", tmp_path, "--json")
    assert "takes about 0 MB of memory in int8 on the device cpu" in " ".join(outcome.err.split())
    assert outcome.json["precision"] == "int8"
    assert 0.05 < outcome.json["memory_mb"] < 1


def test_without_enough_memory_nothing_is_made(refuse, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(free_memory, "free_memory", lambda device: 1000)
    words = refuse("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path / "out")
    assert "takes about" in words
    assert "Close other programs" in words
    assert not (tmp_path / "out").exists()
