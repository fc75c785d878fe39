import os
import subprocess
import sys

import pytest

from napari_tumor_synth import __version__
from napari_tumor_synth.cli import main as face
from napari_tumor_synth.progress import Cancelled

VERBS = (
    "roi", "phantom", "prepare", "models", "convert", "generate", "train", "runs", "export",
    "reconstruct", "importance", "doctor", "demo",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(run, verb):
    outcome = run(verb, "--help")
    assert outcome.code == 0
    assert f"Example: tumor-synth {verb}" in " ".join(outcome.out.split())
    assert "--json" in outcome.out


def test_all_verbs_are_listed(run):
    outcome = run("--help")
    assert outcome.code == 0
    assert [verb for verb in VERBS if verb not in outcome.out] == []


def test_without_a_verb_there_is_help(run):
    outcome = run()
    assert outcome.code == 2
    assert "generate" in outcome.out + outcome.err


def test_version(run):
    outcome = run("--version")
    assert (outcome.code, outcome.out) == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'. See `tumor-synth --help`."),
        (["roi"], "Missing argument 'image'. See `tumor-synth roi --help`."),
        (["models", "--no-such"], "No such option: --no-such. See `tumor-synth models --help`."),
        (["generate"], "Missing option '--out'. See `tumor-synth generate --help`."),
    ],
)
def test_wrong_usage_is_one_sentence(refuse, arguments, sentence):
    assert refuse(*arguments) == f"Error: {sentence}\n"


@pytest.mark.parametrize(
    "arguments", [["--debug", "roi", "no.nii", "no.nii"], ["roi", "no.nii", "no.nii", "--debug"]]
)
def test_debug_shows_the_traceback_as_well(run, tmp_path, arguments):
    outcome = run(*arguments, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert "Error: no.nii does not exist." in outcome.err


def test_debug_does_not_stick(run, refuse, tmp_path):
    run("--debug", "roi", "no.nii", "no.nii", "--out", tmp_path / "out")
    refuse("roi", "no.nii", "no.nii", "--out", tmp_path / "out")


def test_what_nobody_foresaw_is_not_hidden(monkeypatch):
    monkeypatch.setattr(face, "app", lambda **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        face.main([])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "/full/x"), "/full/x: No space left on device."),
        (PermissionError(13, "Permission denied"), "Permission denied."),
        (MemoryError(), "not enough memory. Close other programs; where the verb has --size"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(refuse, monkeypatch, error, words):
    def fail(**options):
        raise error

    monkeypatch.setattr(face, "app", fail)
    assert words in refuse("models")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Cancelled()])
def test_a_stop_is_no_failure(run, monkeypatch, stop):
    def stopped(**options):
        raise stop

    monkeypatch.setattr(face, "app", stopped)
    outcome = run("models")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "Cancelled.\n")


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    heavy = {"torch", "napari", "monai", "numpy", "scipy", "nibabel", "matplotlib", "qtpy"}
    script = (
        "import sys\nfrom napari_tumor_synth.cli.main import main\n"
        f"try: main({arguments})\nexcept SystemExit: pass\n"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "Usage" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models", "--json"]])
def test_a_reader_that_has_enough_is_no_failure(arguments):
    reader, writer = os.pipe()
    os.close(reader)  # before anything is written, so that the pipe is broken for certain
    done = subprocess.run(
        [sys.executable, "-m", "napari_tumor_synth.cli", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
