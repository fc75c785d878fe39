from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.generators.provenance import read_provenance
from napari_tumor_synth.generators.synthetic import synthetic_roi, write_synthetic
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi
from napari_tumor_synth.imaging.roi_files import write_roi
from napari_tumor_synth.imaging.volume import Volume
from tiny_vqgan import tiny_settings, write_tiny


@pytest.fixture
def roi(run, case, tmp_path):
    given = ["--out", tmp_path / "rois", "--size", 32, "--json"]
    return run("roi", *case, *given).json["roi"]


def _oblique(angle=0.4):
    """A tumour in a parent whose axes are turned by `angle`."""
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = rotation @ np.diag([2, 2, 2, 1])
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[8:14, 6:16, 9:15] = 1
    image = np.random.default_rng(0).uniform(50, 100, labels.shape).astype(np.float32)
    return extract_roi(
        {"flair": Volume(image, affine)},
        Volume(labels, affine),
        RoiSettings(size=(24, 24, 24), spacing_mm=2),
    )


def test_reconstruct_gives_the_stable_keys(run, tiny, roi):
    result = run("reconstruct", roi, "--model", tiny, "--json").json
    assert set(result) == {"image", "psnr_db", "ssim", "foreground_psnr_db", "foreground_ssim"}
    assert result["image"] == roi.replace("_roi.nii.gz", "_roi_reconstruction.nii.gz")
    image = nib.load(result["image"])
    assert image.shape == (16, 16, 16)
    assert image.header.get_zooms() == (4, 4, 4)
    assert nib.load(roi).shape == (32, 32, 32)


def test_a_reconstruction_lies_where_its_roi_does(run, tiny, tmp_path):
    own = _oblique()
    path = write_roi(own, tmp_path, "turned").images[0]
    result = run("reconstruct", path, "--model", tiny, "--json").json
    image = nib.load(result["image"])
    axes = image.affine[:3, :3] / 4
    assert np.allclose(axes, own.affine[:3, :3] / 2)
    middle = nib.affines.apply_affine(image.affine, [7.5, 7.5, 7.5])
    inside = np.argwhere(own.mask.transpose(2, 1, 0))
    box = (inside.min(0) + inside.max(0)) / 2
    assert np.allclose(middle, nib.affines.apply_affine(own.affine, box), atol=4)


def test_importance_lies_on_the_roi_and_is_zero_outside(run, tiny, tmp_path):
    own = _oblique()
    path = write_roi(own, tmp_path, "turned").images[0]
    out = tmp_path / "scores.nii.gz"
    result = run("importance", path, "--out", out, "--model", tiny, "--json").json
    assert set(result) == {"image", "lowest", "highest", "model", "caption"}
    assert "not a probability of disease" in result["caption"]
    scores = nib.load(out)
    assert np.allclose(scores.affine, own.affine)
    values = scores.get_fdata().transpose(2, 1, 0)
    assert np.all(values[~own.mask] == 0)
    assert 0 < result["lowest"] <= values[own.mask].min() + 1e-6
    assert values.max() == pytest.approx(result["highest"])
    assert result["highest"] < 1


@pytest.mark.parametrize("verb", ["reconstruct", "importance"])
def test_tumour_beyond_the_field_of_view_is_reported(run, tiny, tmp_path, verb):
    mask = np.zeros((48, 48, 48), bool)
    mask[2:46, 20:28, 20:28] = True  # 88 mm long; the model sees 64
    own = Roi(
        image=np.where(mask, 0.5, -1).astype(np.float32)[None],
        mask=mask,
        affine=np.diag([2.0, 2, 2, 1]),
        sequences=("flair",),
        settings=RoiSettings(size=mask.shape, spacing_mm=2),
    )
    path = write_roi(own, tmp_path, "long").images[0]
    outcome = run(verb, path, "--out", tmp_path / "x.nii.gz", "--model", tiny)
    assert outcome.code == 0
    assert "Warning: " in outcome.err
    assert "27" in outcome.err  # percent: (88 - 64) / 88
    assert "not for clinical use" not in outcome.err


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory):
    settings = tiny_settings()
    autoencoder = settings.autoencoder.model_copy(update={"in_channels": 2})
    changed = {"sequences": ("flair", "t1ce"), "autoencoder": autoencoder}
    path = tmp_path_factory.mktemp("two") / "two.safetensors"
    return write_tiny(path, settings.model_copy(update=changed))


def test_several_sequences(run, refuse, case, two_channels, tmp_path):
    image, segmentation = case
    given = ["roi", image, segmentation, "--out", tmp_path, "--size", 32, "--sequence", "t1ce"]
    assert run(*given, "--add", f"flair={image}").code == 0
    record = tmp_path / "Phantom_HGG_000000_flair_roi.json"
    out = tmp_path / "r.nii.gz"
    result = run("reconstruct", record, "--model", two_channels, "--out", out, "--json").json
    assert result["image"] == str(tmp_path / "r_flair.nii.gz")
    assert (tmp_path / "r_t1ce.nii.gz").is_file()
    alone = tmp_path / "Phantom_HGG_000000_flair_t1ce_roi.nii.gz"
    assert "was trained on flair, t1ce" in refuse("reconstruct", alone, "--model", two_channels)
    sampled = run("generate", "--model", two_channels, "--class", "LGG", "--out", tmp_path / "s")
    assert sampled.code == 0, sampled.err
    assert (tmp_path / "s" / "synthetic_LGG_000000_t1ce_roi.nii.gz").is_file()


def test_files_of_others_are_kept(run, refuse, tiny, roi, tmp_path):
    other = tmp_path / "other.nii.gz"
    other.write_text("precious")
    for verb in ("reconstruct", "importance"):
        assert "--overwrite" in refuse(verb, roi, "--out", other, "--model", tiny)
        words = refuse(verb, roi, "--out", roi, "--model", tiny, "--overwrite")
        assert "its own input" in words
    assert other.read_text() == "precious"
    assert run("reconstruct", roi, "--out", other, "--model", tiny, "--overwrite").code == 0
    assert run("reconstruct", roi, "--out", other, "--model", tiny).code == 0
    assert "--overwrite" in refuse("importance", roi, "--out", other, "--model", tiny)


@pytest.fixture
def another_roi(tmp_path):
    return write_roi(_oblique(), tmp_path, "another").images[0]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("verb", ["reconstruct", "importance"])
def test_only_results_of_the_same_roi_are_replaced(
    run, refuse, tiny, roi, another_roi, tmp_path, verb, suffix
):
    out = tmp_path / f"s{suffix}"
    given = ["--out", out, "--model", tiny]
    assert run(verb, roi, *given).code == 0
    before = out.read_bytes()
    assert "--overwrite" in refuse(verb, another_roi, *given)
    assert out.read_bytes() == before
    assert run(verb, roi, *given).code == 0  # the same again
    assert out.read_bytes() == before
    assert run(verb, another_roi, *given, "--overwrite").code == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize("verb", ["reconstruct", "importance"])
def test_results_of_another_model_are_kept(run, refuse, tiny, roi, tmp_path, verb):
    other = write_tiny(tmp_path / "other.safetensors", tiny_settings(), seed=1)
    assert run(verb, roi, "--out", tmp_path / "s.nii.gz", "--model", tiny).code == 0
    words = refuse(verb, roi, "--out", tmp_path / "s.nii.gz", "--model", other)
    assert "holds something else" in words


def test_results_say_what_they_are(run, tiny, roi, tmp_path):
    run("reconstruct", roi, "--out", tmp_path / "r.nii.gz", "--model", tiny)
    run("importance", roi, "--out", tmp_path / "i.nii.gz", "--model", tiny)
    described = {
        name: nib.load(tmp_path / f"{name}.nii.gz").header["descrip"].tobytes().rstrip(b"\0")
        for name in "ri"
    }
    ends = {name: text[-12:] for name, text in described.items()}
    assert described["r"] == b"RECONSTRUCTION by model tiny, not for clinical use " + ends["r"]
    assert described["i"] == (
        b"importance (auxiliary classifier), not a probability of disease " + ends["i"]
    )
    assert ends["r"] == ends["i"]
    assert all(chr(digit) in "0123456789abcdef" for digit in ends["r"])


def test_a_long_name_of_a_model_leaves_room_for_the_notice(run, roi, tmp_path):
    name = "modèle " + 100 * "x"
    settings = tiny_settings().model_copy(update={"name": name})
    model = write_tiny(tmp_path / "named.safetensors", settings)
    given = ["reconstruct", roi, "--out", tmp_path / "r.nii.gz", "--model", model]
    assert run(*given).code == 0
    assert run(*given).code == 0
    text = nib.load(tmp_path / "r.nii.gz").header["descrip"].tobytes()
    assert b", not for clinical use " in text


def test_a_record_lends_its_name_to_the_reconstruction(run, tiny, roi):
    record = roi.replace("_roi.nii.gz", "_roi.json")
    result = run("reconstruct", record, "--model", tiny, "--json").json
    assert result["image"] == roi.replace("_roi.nii.gz", "_roi_reconstruction.nii.gz")


@pytest.mark.parametrize("end", ["_roi.nii.gz", "_mask.nii.gz"])
@pytest.mark.parametrize("verb", ["reconstruct", "importance"])
def test_what_stands_behind_a_record_is_input_as_well(refuse, tiny, roi, verb, end):
    record = roi.replace("_roi.nii.gz", "_roi.json")
    before = Path(roi).read_bytes()
    out = ["--out", roi.replace("_roi.nii.gz", end), "--model", tiny, "--overwrite"]
    assert "its own input" in refuse(verb, record, *out)
    assert Path(roi).read_bytes() == before


@pytest.fixture
def sample(run, two_channels, tmp_path):
    """A synthetic ROI of two sequences."""
    given = ["generate", "--model", two_channels, "--class", "LGG", "--out", tmp_path / "s"]
    return _lopsided(run(*given, "--json").json["samples"][0])


def _lopsided(sample):
    """Write a sample again as a tumour in a corner: those of random weights fill their box."""
    record = Path(sample["provenance"])
    provenance = read_provenance(record)
    image = np.full((len(provenance.sequences), 16, 16, 16), -1, np.float32)
    image[:, 2:9, 3:14, 8:15] = np.linspace(-0.5, 1, 7)
    return write_synthetic(synthetic_roi(image, provenance), record.parent).as_json()


def test_a_synthetic_roi_of_several_sequences(run, refuse, two_channels, sample, tmp_path):
    given = [sample["provenance"], "--model", two_channels]
    result = run("importance", *given, "--out", tmp_path / "i.nii.gz", "--json").json
    scores, mask = nib.load(result["image"]), nib.load(sample["mask"])
    assert np.array_equal(scores.affine, mask.affine)
    assert np.array_equal(scores.get_fdata() > 0, mask.get_fdata() > 0)
    assert np.count_nonzero(scores.get_fdata()) == 7 * 11 * 7
    result = run("reconstruct", *given, "--json").json
    stem = sample["provenance"].removesuffix(".json")
    assert result["image"] == f"{stem}_reconstruction_flair.nii.gz"
    for input_file in (sample["mask"], sample["image"], sample["provenance"]):
        words = refuse("importance", *given, "--out", input_file, "--overwrite")
        assert "its own input" in words


def test_a_synthetic_roi_of_one_sequence(run, tiny, tmp_path):
    given = ["generate", "--model", tiny, "--class", "LGG", "--out", tmp_path, "--json"]
    sample = _lopsided(run(*given).json["samples"][0])
    for number, named in enumerate((sample["provenance"], sample["image"])):
        out = tmp_path / f"{number}.nii.gz"
        assert run("importance", named, "--out", out, "--model", tiny).code == 0
    assert (tmp_path / "0.nii.gz").read_bytes() == (tmp_path / "1.nii.gz").read_bytes()


def test_files_that_a_provenance_does_not_name(refuse, two_channels, sample, tmp_path):
    given = ["importance", sample["provenance"], "--model", two_channels]
    given += ["--out", tmp_path / "i.nii.gz"]
    image = Path(sample["image"])
    image.write_bytes(Path(sample["mask"]).read_bytes())
    assert "is not the file that" in refuse(*given)
    image.unlink()
    assert "does not exist" in refuse(*given)
    record = Path(sample["provenance"])
    record.write_text(record.read_text().replace('"seed"', '"sead"'))
    assert "is not the provenance" in refuse(*given)
    record.write_text("{}")
    refuse(*given)
    refuse("importance", tmp_path / "no.json", *given[2:])
    assert not (tmp_path / "i.nii.gz").exists()


def test_results_that_cannot_be_written(refuse, tiny, roi, tmp_path):
    refuse("importance", roi, "--out", tmp_path / "x.txt", "--model", tiny)
    refuse("importance", roi, "--out", tmp_path, "--model", tiny)
    (tmp_path / "file").write_text("")
    refuse("reconstruct", roi, "--out", tmp_path / "file" / "x.nii.gz", "--model", tiny)


def test_a_model_without_importance(refuse, roi, tmp_path):
    settings = tiny_settings(conditional=False, importance=False)
    model = write_tiny(tmp_path / "plain.safetensors", settings)
    words = refuse("importance", roi, "--out", tmp_path / "x.nii.gz", "--model", model)
    assert "without importance scores" in words
