"""A tiny model, a tiny case, and the command line run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_tumor_synth.cli.main import main
from tiny_cohort import TINY_RECIPE, write_blobs, write_tiny_cache
from tiny_vqgan import tiny_settings, write_tiny


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one object on stdout."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def no_other_models(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no-data"))
    monkeypatch.delenv("TUMOR_SYNTH_MODELS", raising=False)
    monkeypatch.setenv("TUMOR_SYNTH_RUNS", str(tmp_path / "no-runs"))


@pytest.fixture
def run(capfd):
    """Run `tumor-synth` with these arguments."""

    def call(*arguments):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Outcome(end.value.code or 0, out, err)

    return call


@pytest.fixture
def refuse(run):
    """Run `tumor-synth`, and make sure that it refuses in one sentence with a remedy."""

    def call(*arguments):
        outcome = run(*arguments)
        assert outcome.code == 2, outcome
        assert outcome.out == ""
        *notes, words = outcome.err.splitlines()
        assert words.startswith("Error: "), outcome.err
        assert all("takes about" in note for note in notes), outcome.err
        assert "Traceback" not in outcome.err
        assert outcome.err.rstrip()[-1] in ".)"
        return outcome.err

    return call


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A causal, conditional model of 16^3 voxels of 4 mm."""
    return write_tiny(tmp_path_factory.mktemp("model") / "tiny.safetensors", tiny_settings())


@pytest.fixture(scope="session")
def tiny_parallel(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "parallel.safetensors"
    return write_tiny(path, tiny_settings(causal=False))


@pytest.fixture(scope="session")
def cohort(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("cohort")
    write_blobs(root, 3)
    return root


@pytest.fixture(scope="session")
def case(cohort) -> tuple[Path, Path]:
    """Image and segmentation, 24^3 voxels of 1 mm."""
    folder = cohort / "HGG" / "Phantom_HGG_000000"
    return folder / f"{folder.name}_flair.nii.gz", folder / f"{folder.name}_seg.nii.gz"


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory) -> Path:
    return write_tiny_cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path
