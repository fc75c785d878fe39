import getpass
import hashlib
import json
import os
import shutil
import socket
import subprocess

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.generators.catalogue import add_to_catalogue
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_tumor_synth.generators.provenance import MAX_SEED
from napari_tumor_synth.workflows import generate as workflow
from tiny_vqgan import tiny_settings, write_tiny


@pytest.fixture(scope="module")
def samples(tiny, tmp_path_factory):
    """What seeds 7 to 10 of LGG wrote."""
    out = tmp_path_factory.mktemp("samples")
    request = workflow.GenerationRequest(("LGG",), range(7, 11), model=str(tiny), device="cpu")
    workflow.generate_to_folder(request, out)
    return out


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".gz"}


def test_generate_gives_the_stable_keys(run, tiny, samples, tmp_path):
    result = run(
        "generate", "--model", tiny, "--class", "LGG", "--seed", 7, "--count", 4,
        "--out", tmp_path / "out", "--json",
    ).json  # fmt: skip
    keys = {
        "samples", "withheld", "copies_written", "contact_sheet", "model", "precision",
        "memory_mb", "seconds",
    }  # fmt: skip
    assert set(result) == keys
    assert result["model"] == "tiny"
    assert result["withheld"] == []
    assert [sample["seed"] for sample in result["samples"]] == [7, 8, 9, 10]
    for sample in result["samples"]:
        assert set(sample) == {"image", "mask", "provenance", "class", "seed"}
        assert sample["class"] == "LGG"
        assert all(os.path.isfile(sample[name]) for name in ("image", "mask", "provenance"))
    assert _bytes(tmp_path / "out") == _bytes(samples)


def test_a_sample_depends_on_its_seed_only(run, tiny, samples, tmp_path):
    run("generate", "--model", tiny, "--class", "LGG", "--seed", 9, "--out", tmp_path)
    alone = _bytes(tmp_path)
    assert len(alone) == 2
    assert alone.items() <= _bytes(samples).items()


def test_files_say_what_they_are(samples):
    image = nib.load(samples / "synthetic_LGG_000007_roi.nii.gz")
    mask = nib.load(samples / "synthetic_LGG_000007_mask.nii.gz")
    for file in (image, mask):
        text = file.header["descrip"].tobytes().rstrip(b"\0")
        assert text == b"SYNTHETIC, not for clinical use"
        assert nib.aff2axcodes(file.affine) == ("R", "A", "S")
        assert file.header.get_zooms() == (4, 4, 4)
        assert file.shape == (16, 16, 16)
        centre = nib.affines.apply_affine(file.affine, [7.5, 7.5, 7.5])
        assert np.allclose(centre, 0)
    inside = mask.get_fdata() > 0
    assert inside.any()
    assert np.all(image.get_fdata()[~inside] == -1)
    assert np.all(image.get_fdata()[inside] > -1)


def test_the_contact_sheet_is_marked(samples):
    with Image.open(samples / "contact_sheet.png") as sheet:
        assert sheet.info["Description"] == "SYNTHETIC, not for clinical use"


def test_provenance_tells_all_but_where_and_who(samples, tiny):
    text = (samples / "synthetic_LGG_000007.json").read_text()
    record = json.loads(text)
    assert record["notice"] == "SYNTHETIC, not for clinical use"
    assert (record["class_name"], record["seed"], record["model_name"]) == ("LGG", 7, "tiny")
    assert record["model_sha256"] == read_checkpoint(tiny).sha256
    assert len(record["tokens"]) == 64
    assert {"napari-tumor-synth", "torch", "python"} <= set(record["versions"])
    private = {str(samples), str(tiny.parent), str(os.getcwd()), socket.gethostname()}
    private |= {getpass.getuser(), os.path.expanduser("~")}
    assert [word for word in private if len(word) > 2 and word in text] == []


def test_a_sample_is_repeated_bit_for_bit(run, tiny, samples, tmp_path):
    record = samples / "synthetic_LGG_000008.json"
    result = run("generate", "--from", record, "--model", tiny, "--out", tmp_path, "--json").json
    assert [(s["class"], s["seed"]) for s in result["samples"]] == [("LGG", 8)]
    assert _bytes(tmp_path).items() <= _bytes(samples).items()
    again = json.loads((tmp_path / record.name).read_text())
    assert again["tokens"] == json.loads(record.read_text())["tokens"]


def test_a_repeat_needs_the_same_model(refuse, samples, tmp_path):
    other = write_tiny(tmp_path / "tiny.safetensors", tiny_settings(), seed=1)
    record = samples / "synthetic_LGG_000008.json"
    assert "is expected" in refuse("generate", "--from", record, "--model", other, "--out", "x")


def test_several_classes_in_one_call(run, tiny, tmp_path):
    result = run(
        "generate", "--model", tiny, "--class", "LGG", "--class", "HGG", "--class", "LGG",
        "--out", tmp_path, "--json",
    ).json  # fmt: skip
    assert [(s["class"], s["seed"]) for s in result["samples"]] == [("LGG", 0), ("HGG", 0)]


def test_parallel_decoding(run, tiny_parallel, tmp_path):
    given = ["generate", "--model", tiny_parallel, "--class", "HGG", "--out", tmp_path]
    assert run(*given, "--decode", "parallel", "--steps", 4, "--temperature", 0.8).code == 0
    assert run(*given, "--steps", 4, "--temperature", 0.8).code == 0  # means the same
    record = json.loads((tmp_path / "synthetic_HGG_000000.json").read_text())
    assert record["decoding"]["decode"] == "parallel"
    assert record["decoding"]["steps"] == 4


def test_more_samples_than_fit_on_a_sheet(run, tiny, tmp_path):
    result = run(
        "generate", "--model", tiny, "--class", "LGG", "--count", 34, "--out", tmp_path, "--json"
    ).json
    assert len(result["samples"]) == 34
    with Image.open(result["contact_sheet"]) as sheet:
        assert "the first 32 of 34" in sheet.info["Title"]


def test_a_sample_of_an_earlier_version_of_an_installed_model_says_so(
    refuse, samples, tmp_path, monkeypatch
):
    newer = write_tiny(tmp_path / "tiny.safetensors", tiny_settings(), seed=1)
    words = {"name": "tiny", "description": "d", "licence": "none", "training_data": "noise"}
    add_to_catalogue(newer, words)
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))
    said = refuse("generate", "--from", samples / "synthetic_LGG_000008.json", "--out", "x")
    assert "is of another version of tiny" in said
    assert "--model" in said


def test_records_that_are_missing_or_newer_say_so(refuse, samples, tmp_path):
    assert "There is no file" in refuse("generate", "--from", tmp_path / "no.json", "--out", "x")
    newer = tmp_path / "newer.json"
    content = json.loads((samples / "synthetic_LGG_000008.json").read_text())
    newer.write_text(json.dumps(content | {"format_version": 2, "unheard": "of"}))
    assert "newer version" in refuse("generate", "--from", newer, "--out", "x")


def test_a_model_of_the_catalogue(run, refuse, tiny, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    checkpoint = folder / "tiny.safetensors"
    checkpoint.write_bytes(tiny.read_bytes())
    words = {"description": "d", "licence": "none", "training_data": "noise"}
    add_to_catalogue(checkpoint, {"name": "mine", **words})
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(folder))
    out = tmp_path / "out"
    assert run("generate", "--model", "mine", "--class", "LGG", "--out", out).code == 0

    again = ["generate", "--from", out / "synthetic_LGG_000000.json", "--out", out]
    assert run(*again).code == 0  # found by its hash, whatever its name

    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    checkpoint.write_bytes(content)
    words = refuse("generate", "--model", "mine", "--class", "LGG", "--out", tmp_path / "no")
    assert "altered" in words
    assert not (tmp_path / "no").exists()


def test_samples_drawn_in_another_way_are_kept(run, refuse, tiny, tmp_path):
    given = ["generate", "--model", tiny, "--class", "LGG", "--out", tmp_path]
    assert run(*given).code == 0
    before = _bytes(tmp_path)
    assert "--overwrite" in refuse(*given, "--top-k", 2)
    assert _bytes(tmp_path) == before
    assert run(*given, "--top-k", 2, "--overwrite").code == 0
    assert _bytes(tmp_path) != before


@pytest.mark.parametrize(
    "change", [{"device": "cuda"}, {"versions": {"torch": "1.0"}}, {"versions": {}}]
)
def test_samples_of_another_device_or_version_are_kept(refuse, run, tiny, tmp_path, change):
    given = ["generate", "--model", tiny, "--class", "LGG", "--device", "cpu", "--out", tmp_path]
    assert run(*given).code == 0
    path = tmp_path / "synthetic_LGG_000000.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | change))
    before = path.read_bytes()
    assert "holds something else" in refuse(*given)
    assert "holds something else" in refuse(
        "generate", "--from", path, "--model", tiny, "--device", "cpu", "--out", tmp_path
    )
    assert path.read_bytes() == before
    assert run(*given, "--overwrite").code == 0
    assert json.loads(path.read_text())["device"] == "cpu"


def test_a_repeat_that_fails_keeps_what_it_was_made_from(refuse, tiny, samples, tmp_path):
    out = shutil.copytree(samples, tmp_path / "again")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        given = ["generate", "--from", out / "synthetic_LGG_000008.json", "--model", tiny]
        assert "No space left" in refuse(*given, "--out", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def _full(handle):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "name",
    [
        "contact_sheet.png",
        "synthetic_LGG_000001.json",
        "synthetic_LGG_000001_roi.nii.gz",
        "synthetic_LGG_000001_mask.nii.gz",
    ],
)
def test_files_of_others_are_kept(refuse, tiny, tmp_path, name):
    (tmp_path / name).write_text("precious")
    given = ["generate", "--model", tiny, "--class", "LGG", "--count", 2, "--out", tmp_path]
    assert name in refuse(*given)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, "precious")]


def test_what_a_killed_call_left_is_replaced(run, tiny, samples, tmp_path):
    name = "synthetic_LGG_000007_roi.nii.gz"
    (tmp_path / name).write_bytes((samples / name).read_bytes())
    outcome = run("generate", "--model", tiny, "--class", "LGG", "--seed", 7, "--out", tmp_path)
    assert outcome.code == 0, outcome.err


def test_whole_samples_stay_when_the_disk_fills(refuse, tiny, tmp_path, monkeypatch):
    write = workflow.write_synthetic

    def fill(sample, folder):
        if sample.provenance.seed == 9:
            raise OutputError("Cannot write x: No space left on device.", "Free some.")
        return write(sample, folder)

    monkeypatch.setattr(workflow, "write_synthetic", fill)
    given = ["generate", "--model", tiny, "--class", "LGG", "--seed", 7, "--count", 4]
    assert "2 whole samples are kept" in refuse(*given, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"synthetic_LGG_00000{seed}{end}"
        for seed in (7, 8)
        for end in (".json", "_mask.nii.gz", "_roi.nii.gz")
    ]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_half_way_holds_whole_samples(refuse, tiny, tiny_disk):
    given = ["generate", "--model", tiny, "--class", "LGG", "--count", 40, "--out", tiny_disk / "s"]
    assert "whole samples are kept" in refuse(*given)
    names = sorted(path.name for path in (tiny_disk / "s").iterdir())
    assert len(names) == 3 * len([name for name in names if name.endswith(".json")])
    for record in (tiny_disk / "s").glob("*.json"):
        files = json.loads(record.read_text())["files"]
        image = record.with_name(f"{record.stem}_roi.nii.gz")
        assert hashlib.sha256(image.read_bytes()).hexdigest() == files["flair"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "GBM"], "tiny has no class 'GBM'. Choose one of: HGG, LGG."),
        ([], "--class"),
        (["--class", "LGG", "--seed", "-1"], f"whole numbers from 0 to {MAX_SEED}"),
        (["--class", "LGG", "--seed", str(MAX_SEED + 1)], f"from 0 to {MAX_SEED}"),
        (["--class", "LGG", "--seed", str(MAX_SEED), "--count", "2"], f"from 0 to {MAX_SEED}"),
        (["--class", "LGG", "--seed", "1" + 40 * "0"], f"from 0 to {MAX_SEED}"),
        (["--class", "LGG", "--seed", "1.5"], "--seed"),
        (["--class", "LGG", "--count", "0"], "--count"),
        (["--class", "LGG", "--temperature", "0"], "--temperature cannot be 0"),
        (["--class", "LGG", "--temperature", "nan"], "--temperature cannot be nan"),
        (["--class", "LGG", "--top-k", "0"], "--top-k"),
        (["--class", "LGG", "--top-p", "1.5"], "--top-p"),
        (["--class", "LGG", "--steps", "0"], "--steps"),
        (["--class", "LGG", "--decode", "magic"], "--decode"),
        (["--class", "LGG", "--decode", "parallel"], "Use --decode autoregressive."),
        (["--class", "LGG", "--device", "abacus"], "Choose one of: auto"),
        (["--from", "x.json", "--class", "LGG"], "--from"),
        (["--from", "x.json", "--seed", "1"], "--from"),
        (["--from", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_requests(refuse, tiny, tmp_path, options, words):
    assert words in refuse("generate", "--model", tiny, "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_bad_records(refuse, tiny, samples, tmp_path):
    record = json.loads((samples / "synthetic_LGG_000008.json").read_text())
    path = tmp_path / "changed.json"
    for change in ({"seed": -1}, {"notice": "real"}, {"tokens": [[0, 99]]}, {"format_version": 2}):
        path.write_text(json.dumps(record | change))
        refuse("generate", "--from", path, "--model", tiny, "--out", tmp_path / "out")
    path.write_text("{")
    refuse("generate", "--from", path, "--model", tiny, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _other(path, tiny, **changes):
    content = read_checkpoint(tiny)
    values = {
        "family": content.family,
        "settings": content.settings,
        "provenance": content.provenance,
        "tensors": content.tensors,
    }
    write_checkpoint(Checkpoint(**(values | changes)), path)


def test_checkpoints_that_cannot_be_used(refuse, tiny, tmp_path):
    import torch

    def try_model(path, words):
        given = ["generate", "--class", "LGG", "--out", tmp_path / "out", "--model", path]
        assert words in refuse(*given)
        assert not (tmp_path / "out").exists()

    try_model("nothing-of-this-name", "There is no model")
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    try_model(tmp_path / "a.pt", "tumor-synth convert")
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "a.pt").read_bytes())
    try_model(tmp_path / "a.safetensors", "damaged")
    (tmp_path / "cut.safetensors").write_bytes(tiny.read_bytes()[:2000])
    try_model(tmp_path / "cut.safetensors", "damaged")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    try_model(tmp_path / "empty.safetensors", "damaged")
    _other(tmp_path / "family.safetensors", tiny, family="diffusion")
    try_model(tmp_path / "family.safetensors", "family 'diffusion'")
    _other(tmp_path / "settings.safetensors", tiny, settings=["no", "settings"])
    try_model(tmp_path / "settings.safetensors", "damaged")
    newer = tiny.read_bytes().replace(b'"format_version":"1"', b'"format_version":"9"')
    (tmp_path / "newer.safetensors").write_bytes(newer)
    try_model(tmp_path / "newer.safetensors", "Update napari-tumor-synth")


def test_want_of_memory_says_what_to_try(refuse, tiny, tmp_path, monkeypatch):
    from napari_tumor_synth.networks.trained_decoder import TrainedDecoder

    def fail(self, codes):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(TrainedDecoder, "forward", fail)
    words = refuse("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path / "out")
    assert "Close other programs" in words
    assert not (tmp_path / "out").exists()


def test_the_bundled_model_generates(run, tmp_path):
    models = run("models", "--json").json["models"]
    assert models, "the package ships a model"
    given = ["generate", "--class", models[0]["classes"][0], "--out", tmp_path, "--json"]
    result = run(*given).json
    image = nib.load(result["samples"][0]["image"])
    assert list(image.shape[::-1]) == models[0]["grid"]
    assert image.header.get_zooms()[0] == models[0]["spacing_mm"]
