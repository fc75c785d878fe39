import os
import subprocess
import sys

import pytest
import torch

from napari_tumor_synth.generators.catalogue import add_to_catalogue
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.imaging.roi_cache import RoiCache
from tiny_cohort import TINY_RECIPE

ABOUT = {"name": "mine", "description": "d", "licence": "CC0", "training_data": "noise"}


@pytest.fixture
def catalogue(tiny, tmp_path, monkeypatch):
    """A folder of the user's with one model."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.safetensors").write_bytes(tiny.read_bytes())
    add_to_catalogue(folder / "tiny.safetensors", ABOUT)
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(folder))
    return folder


def test_models_gives_the_stable_keys(run, catalogue):
    models = run("models", "--json").json["models"]
    mine = next(model for model in models if model["name"] == "mine")
    assert set(mine) == {
        "name", "family", "classes", "grid", "spacing_mm", "sha256", "licence", "megabytes",
    }  # fmt: skip
    assert mine["classes"] == ["HGG", "LGG"]
    assert mine["grid"] == [16, 16, 16]
    assert mine["sha256"] == read_checkpoint(catalogue / "tiny.safetensors").sha256
    assert "mine  vqgan  HGG/LGG  flair  16 x 16 x 16 at 4 mm" in run("models").out


def test_models_are_listed_without_torch(catalogue):
    script = (
        "import sys\nfrom napari_tumor_synth.cli.main import main\n"
        "try: main(['models', '--json'])\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "False\n")


def test_a_damaged_catalogue_is_named(refuse, catalogue):
    (catalogue / "catalogue.json").write_text('{"schema_version": 2}')
    assert "schema_version" in refuse("models")


def test_doctor_examines_and_leaves_nothing(run, catalogue, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-cache"))
    before = sorted(tmp_path.rglob("*"))
    result = run("doctor", "--json").json
    assert set(result) == {"checks", "ok"}
    checks = {check["name"]: check for check in result["checks"]}
    assert {"python", "torch", "cores", "memory", "device cpu", "Qt", "temporary folder"} <= set(
        checks
    )
    assert checks["device cpu"]["ok"]
    assert checks["model mine"]["ok"]
    assert sorted(tmp_path.rglob("*")) == before


def test_doctor_finds_an_altered_model(run, catalogue):
    (catalogue / "tiny.safetensors").write_bytes(b"no")
    outcome = run("doctor", "--strict")
    assert outcome.code == 1
    assert any(line.startswith("FAIL model mine") for line in outcome.out.splitlines())
    (catalogue / "tiny.safetensors").unlink()
    assert "No such file" in run("doctor").out


def test_prepare_reports_what_it_left_out(run, refuse, cohort, tmp_path):
    (tmp_path / "cohort").mkdir()
    for group in ("HGG", "LGG"):
        (tmp_path / "cohort" / group).symlink_to(cohort / group)
    broken = tmp_path / "cohort" / "HGG2" / "Phantom_HGG_000099"
    broken.mkdir(parents=True)
    (broken / f"{broken.name}_flair.nii.gz").write_bytes(b"no image")
    (broken / f"{broken.name}_seg.nii.gz").write_bytes(b"no image")
    given = ["prepare", tmp_path / "cohort", "--out", tmp_path / "cache", "--size", 16]
    outcome = run(*given, "--workers", 1, "--json")
    result = outcome.json
    assert set(result) == {
        "cache", "cases", "classes", "splits", "manifest_hash", "failed",
        "warned", "warnings", "cut_off", "largest_lost_fraction",
    }  # fmt: skip
    assert result["cases"] == 6
    assert result["classes"] == ["HGG", "LGG"]
    assert sum(result["splits"].values()) == 6
    assert len(result["failed"]) == 1
    assert "Left out: Phantom_HGG_000099" in outcome.err
    assert len(RoiCache.open(tmp_path / "cache", verify=True)) == 6
    assert "settings" in refuse(*given, "--spacing", 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sequences", ""], "sequences"),
        (["--sequences", "flair,flair"], "sequences"),
        (["--labels", "-1"], "labels"),
        (["--seed", "-1"], "--seed"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_wrong_options_of_prepare(refuse, cohort, tmp_path, options, words):
    assert words in refuse("prepare", cohort, "--out", tmp_path / "cache", *options)
    assert not (tmp_path / "cache").exists()


def test_no_cohort(refuse, tmp_path):
    refuse("prepare", tmp_path / "nowhere", "--out", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_wrong_options_of_phantom(refuse, tmp_path):
    out = ["--out", tmp_path / "out"]
    assert "HGG, LGG" in refuse("phantom", *out, "--classes", "GBM")
    assert "flair, t1" in refuse("phantom", *out, "--sequences", "dwi")
    refuse("phantom", *out, "--count", 0)
    refuse("phantom", *out, "--seed", -1)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_phantom_and_demo(run, tiny, tmp_path):
    given = ["phantom", "--out", tmp_path / "p", "--classes", "LGG", "--sequences", "flair"]
    cases = run(*given, "--seed", 3, "--json").json["cases"]
    assert cases == [str(tmp_path / "p" / "LGG" / "Phantom_LGG_000003")]
    assert sorted(os.listdir(cases[0])) == [
        "Phantom_LGG_000003.json",
        "Phantom_LGG_000003_flair.nii.gz",
        "Phantom_LGG_000003_seg.nii.gz",
    ]
    run("phantom", "--out", tmp_path / "p", "--classes", "LGG", "--sequences", "t1", "--seed", 3)
    assert len(os.listdir(cases[0])) == 4  # the further sequence came beside the first
    given = ["demo", "--out", tmp_path / "demo", "--model", tiny, "--count", 2]
    result = run(*given, "--json").json
    assert [phantom["class"] for phantom in result["phantoms"]] == ["HGG", "LGG"]
    assert [(s["class"], s["seed"]) for s in result["samples"]] == [
        ("HGG", 7), ("HGG", 8), ("LGG", 7), ("LGG", 8),
    ]  # fmt: skip
    assert os.path.isfile(result["contact_sheet"])
    assert run(*given).code == 0  # the same again


def test_convert_makes_a_checkpoint_that_generates(run, refuse, tiny, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        TINY_RECIPE.replace("residual_blocks = [1, 0, 0]", "residual_blocks = [0, 0, 0]")
    )
    weights = tmp_path / "old.pt"
    torch.save(dict(read_checkpoint(tiny).tensors), weights)
    out = tmp_path / "new.safetensors"
    given = ["convert", weights, "--recipe", recipe, "--classes", "HGG,LGG"]
    result = run(*given, "--out", out, "--licence", "CC0", "--json").json
    assert set(result) == {"checkpoint", "sha256"}
    assert read_checkpoint(out).sha256 == result["sha256"]
    made = run("generate", "--model", out, "--class", "LGG", "--out", tmp_path / "s")
    assert made.code == 0, made.err

    assert "--overwrite" in refuse(*given, "--out", out)
    assert ".safetensors" in refuse(*given, "--out", tmp_path / "new.pt")
    assert "class" in refuse(*given[:-1], "", "--out", tmp_path / "x.safetensors")
    refuse(*given[:-1], "HGG", "--out", tmp_path / "x.safetensors")
    torch.save({"autoencoder.x": torch.zeros(1)}, weights)
    refuse(*given, "--out", out, "--overwrite")
    assert read_checkpoint(out).sha256 == result["sha256"]
    assert not (tmp_path / "x.safetensors").exists()


class Runs:
    """What a hostile pickle does when it is loaded."""

    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_convert_runs_no_code(refuse, tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["--recipe", tiny_recipe, "--classes", "HGG,LGG", "--out", tmp_path / "x.safetensors"]
    for name, content in (
        ("hostile", {"a": Runs()}),
        ("list", [1]),
        ("foreign", {"a.b": torch.ones(1)}),
    ):
        torch.save(content, f"{name}.pt")
        refuse("convert", f"{name}.pt", *given)
    for name, content in (("text", b"hello"), ("none", b""), ("zip", b"PK\x03\x04" + bytes(50))):
        (tmp_path / f"{name}.pt").write_bytes(content)
        refuse("convert", f"{name}.pt", *given)
    refuse("convert", "nowhere.pt", *given)
    assert not (tmp_path / "attacked").exists()
    assert not (tmp_path / "x.safetensors").exists()
