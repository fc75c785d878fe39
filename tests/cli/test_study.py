"""Reader studies from the command line: made, refused in one sentence, reported."""

import json

import numpy as np
import pytest
from shared.made_up_cohort import write_cache

from made_up_pools import SPACING, made_up_image
from made_up_study import read_all
from napari_tumor_synth.generators.catalogue import CatalogueEntry, CatalogueModel
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.making import MadeStudy
from napari_tumor_synth.study.study_file import Study
from napari_tumor_synth.workflows import study_pools

AFFINE = np.diag([SPACING, SPACING, SPACING, 1])


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "cache"
    images = [made_up_image(seed) for seed in range(60)]
    splits = ["train"] * 30 + ["validation"] * 10 + ["test"] * 20
    write_cache(folder, images, splits=splits, sequences=("flair",), spacing_mm=SPACING)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for number in range(30):
        path = folder / ("HGG", "LGG")[number % 2] / f"made_{number:03d}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        write_volume(Volume(made_up_image(1000 + number), AFFINE), path)
    return folder


@pytest.fixture
def small(real, made, tmp_path):
    """Arguments that make a small study."""
    design = tmp_path / "design.json"
    plan = {
        "training": 2, "block_size": 6, "repeats": 0.2, "repeat_spacing": 3, "longest_run": 6,
        "title": "A small one",
    }  # fmt: skip
    design.write_text(json.dumps(plan), "utf-8")
    return (
        "study", "new", "--real", real, "--synthetic", f"vqgan={made}", "--out",
        tmp_path / "s", "--design", design, "--readers", "A,B", "--cases", 6,
        "--synthetic-cases", 6,
    )  # fmt: skip


def test_a_study_is_made_read_and_reported(run, small, tmp_path):
    told = run(*small, "--split", "test", "--json")
    found = told.json
    assert found["readers"] == ["A", "B"]
    assert found["cases"] == 14
    assert found["leak_audit"]["outcome"] in ("passed", "unclear", "warned")
    study = Study.open(tmp_path / "s")
    assert study.file.design.title == "A small one"
    assert study.file.study_id == found["study_id"]
    key = read_key_file(tmp_path / "s.key.json", study.file)
    shown = {one.case for one in key.images.values() if one.truth == "real"}
    assert shown <= {f"case-{number:03d}" for number in range(40, 60)}
    assert {one.generator for one in key.images.values()} == {"", "vqgan"}
    made = MadeStudy(study, tmp_path / "s.key.json", None)
    for reader in "AB":
        read_all(made, reader, 2.0)
    out = tmp_path / "report"
    report = run(
        "study", "report", tmp_path / "s", "--key", tmp_path / "s.key.json", "--out", out, "--json"
    ).json
    assert report["report"] == str(out / "report.html")
    assert [one["finished"] for one in report["readings"]] == [True, True]
    lines = run("study", "report", tmp_path / "s", "--key", tmp_path / "s.key.json", "--out", out)
    assert "Accuracy was" in lines.out
    assert "readers are taken as fixed" in lines.out


def test_leaks_are_told_at_once(run, small, tmp_path):
    flat = tmp_path / "flat"
    for number in range(30):
        image = made_up_image(2000 + number)
        few = np.clip(np.round(image * 4) / 4, -0.9, 1)
        image = np.where(image > -1, few, -1)
        path = flat / ("HGG", "LGG")[number % 2] / f"flat_{number:03d}.nii.gz"
        path.parent.mkdir(exist_ok=True, parents=True)
        write_volume(Volume(image.astype(np.float32), AFFINE), path)
    arguments = [f"flat={flat}" if str(one).startswith("vqgan=") else one for one in small]
    arguments[arguments.index("--cases") + 1] = 20
    arguments[arguments.index("--synthetic-cases") + 1] = 20
    told = run(*arguments)
    assert told.code == 0
    assert "told from real ones without any knowledge of tumours, by" in told.err
    assert "number of levels (1.00)" in told.err
    assert Study.open(tmp_path / "s").file.leak_audit == "warned"
    assert "number of levels" not in (tmp_path / "s" / "study.json").read_text("utf-8")


def test_patients_whom_a_generator_knows_are_refused(refuse, run, small, monkeypatch, tmp_path):
    record = type("Record", (), {"model_sha256": "a" * 64, "model_name": "m", "files": {}})()
    real_set = study_pools.open_synthetic_set

    def with_records(folder, on_progress):
        found = real_set(folder, on_progress)
        object.__setattr__(found, "records", (record,) * len(found.names))
        return found

    cache = study_pools.RoiCache.open(small[3])
    monkeypatch.setattr(study_pools, "open_synthetic_set", with_records)
    monkeypatch.setattr(study_pools, "_trained_on", lambda sha256: cache.manifest_hash)
    words = refuse(*small)
    assert "vqgan was trained on 30 of the patients who would be shown as real" in words
    assert "--split" in words
    assert not (tmp_path / "s").exists()
    assert run(*small, "--split", "validation", "--split", "test").code == 0


def test_the_cohort_of_a_model_is_what_its_checkpoint_says(monkeypatch, tmp_path):
    entry = CatalogueEntry(
        name="m", family="f", description="d", classes=("a",), sequences=("flair",),
        grid=(8, 8, 8), spacing_mm=1, licence="CC0", training_data="t", file="m.safetensors",
        sha256="a" * 64, megabytes=1,
    )  # fmt: skip
    listed = [CatalogueModel(entry=entry, folder=tmp_path)]
    monkeypatch.setattr(study_pools, "list_models", lambda: listed)
    read = type("Checkpoint", (), {"provenance": {"data": "b" * 64}})()
    monkeypatch.setattr(study_pools, "read_checkpoint", lambda path: read)
    assert study_pools._trained_on("a" * 64) == "b" * 64
    assert study_pools._trained_on("c" * 64) is None


BAD = {
    "no prepared cohort": ["--real", "."],
    "no folder": ["--synthetic", "x=nowhere"],
    "has no sequence t2": ["--sequence", "t2"],
    "has no split nothing": ["--split", "test", "--split", "nothing"],
    "empty name": ["--synthetic", "=made"],
    "readers are one or more codes": ["--readers", "a b"],
    "one or more codes of letters": ["--readers", ","],
    "two readers have the same code": ["--readers", "a,A"],
    "There is no file": ["--design", "none.json"],
    "would be taken for something else": ["--synthetic", "real={made}"],
    "real": ["--cases", 2],
    "60 scored and 1 training cases of the real ROIs": ["--cases", 60],
    "where readers find it": ["--key", "{out}/key.json"],
    "cannot be read as JSON": ["--design", "{design}"],
    "task": ["--task", "3afc"],
}


@pytest.mark.parametrize("problem", BAD)
def test_what_cannot_be_made_is_refused_and_nothing_is_left(refuse, small, made, tmp_path, problem):
    (tmp_path / "broken.json").write_text("{", "utf-8")
    option, *values = [
        str(one).format(out=tmp_path / "s", design=tmp_path / "broken.json", made=made)
        for one in BAD[problem]
    ]
    arguments = list(small)
    if option in arguments:
        arguments[arguments.index(option) + 1] = values[0]
    else:
        arguments += [option, *values]
    assert problem in refuse(*arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"design.json", "broken.json"}


def test_grids_that_differ_are_refused(refuse, small, tmp_path):
    folder = tmp_path / "coarse"
    for number in range(20):
        image = made_up_image(3000 + number)[::2, ::2, ::2]
        path = folder / "HGG" / f"made_{number:03d}.nii.gz"
        path.parent.mkdir(exist_ok=True, parents=True)
        write_volume(Volume(image, np.diag([8.0, 8, 8, 1])), path)
    arguments = [f"coarse={folder}" if str(one).startswith("vqgan=") else one for one in small]
    words = refuse(*arguments)
    assert "24 x 24 x 24 voxels of 4 mm" in words
    assert "12 x 12 x 12 voxels of 8 mm" in words


def test_one_image_is_never_two_cases(refuse, small, made, tmp_path):
    assert "are the same image" in refuse(*small, "--synthetic", f"other={made}")
    assert not (tmp_path / "s").exists()


def test_a_field_that_no_design_has(refuse, small, tmp_path):
    (tmp_path / "design.json").write_text('{"time_limit": 3}', "utf-8")
    words = refuse(*small)
    assert "there is no field time_limit; the fields are title, task, readers" in words
    assert "docs/studies.md" in words


def test_reading_takes_a_display(refuse, run, small, tmp_path, monkeypatch):
    assert run(*small).code == 0
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert "no display to read on" in refuse("study", "read", tmp_path / "s", "--reader", "A")


def test_two_generators(run, small, tmp_path):
    other = tmp_path / "other"
    for number in range(20):
        path = other / ("HGG", "LGG")[number % 2] / f"made_{number:03d}.nii.gz"
        path.parent.mkdir(exist_ok=True, parents=True)
        write_volume(Volume(made_up_image(3000 + number), AFFINE), path)
    found = run(*small, "--synthetic", f"other={other}", "--json").json
    assert found["cases"] == 6 + 12 + 4
    assert set(found["leak_audit"]["leaks"]) == {"vqgan", "other"}


def test_what_cannot_be_read(refuse, run, small, tmp_path):
    assert "no study" in refuse("study", "read", tmp_path, "--reader", "A")
    assert run(*small).code == 0
    assert "several readers: A, B" in refuse("study", "read", tmp_path / "s")
    assert "no reader C" in refuse("study", "read", tmp_path / "s", "--reader", "C")


def test_what_cannot_be_reported(refuse, run, small, tmp_path):
    assert run(*small).code == 0
    study, key = tmp_path / "s", tmp_path / "s.key.json"
    report = ("study", "report", study, "--key", key, "--out")
    assert "has been rated yet" in refuse(*report, tmp_path / "r")
    assert "where readers find it" in refuse(*report, study / "r")
    words = refuse("study", "report", study, "--key", tmp_path / "no.json", "--out", tmp_path / "r")
    assert "no key file" in words
    assert not (tmp_path / "r").exists()


def test_power(run):
    power = ("study", "power", "--cases", 228, "--readers", 1, "--json")
    assert run(*power, "--task", "2afc").json["one_reader"]["equivalence_power"] >= 0.8
    found = run(*power).json
    assert 0.6 < found["one_reader"]["equivalence_power"] < 0.75  # of accuracy and area both
    assert found["one_reader"]["cases_for_equivalence"] == 286
    assert found["many_readers"] is None
    told = run("study", "power", "--cases", 60, "--readers", 6)
    assert "Mean of 6 readers" in told.out
    assert "proves nothing by itself" in told.out
