"""A report on a set of synthetic ROIs, from the command line."""

import csv
import json
import re
import shutil
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from shared.made_up_cohort import write_cache
from skimage.metrics import peak_signal_noise_ratio

import ssim_blobs
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.imaging.reading import read_image
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume

SIZE, TRAIN, HELD, MADE = 32, 34, 16, 14
QUICK = ("--features", "random", "--pairs", 20)


def tumours(count, seed):
    rng = np.random.default_rng(seed)
    return [ssim_blobs.tumour(rng, SIZE, 1.2) for _ in range(count)]


def write_images(folder, images, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, start):
        write_volume(Volume(image, np.eye(4)), folder / f"made_{number:03d}.nii.gz")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "cache"
    splits = ["train"] * TRAIN + ["test"] * HELD
    write_cache(folder, tumours(TRAIN + HELD, 0), splits=splits, sequences=("flair",))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A set of another program, by class, one of which is a copy."""
    folder = tmp_path_factory.mktemp("made")
    new = tumours(2 * MADE, 1)
    write_images(folder / "HGG", new[:MADE])
    write_images(folder / "LGG", [*new[MADE:-1], tumours(TRAIN, 0)[1]])
    return folder


@pytest.fixture(scope="module")
def found(real, made, tmp_path_factory):
    """The whole report: its folder, and what was measured."""
    from napari_tumor_synth.workflows.evaluate import EvaluationRequest, evaluate

    out = tmp_path_factory.mktemp("report") / "r"
    evaluate(EvaluationRequest(real, made, tables=("seed000-1", "seed001-1")), out)
    return out, json.loads((out / "report.json").read_text())


def test_the_copy_is_told(found):
    samples = found[1]["memorisation"]["samples"]
    copy = max(samples, key=lambda sample: sample["foreground_ssim"])
    assert copy["sample"] == f"LGG/made_{MADE - 1:03d}"
    assert copy["verdict"] == "copy"
    assert copy["foreground_ssim"] == pytest.approx(1, abs=1e-3)
    assert sum(sample["verdict"] == "copy" for sample in samples) <= 2
    assert len(samples) == 2 * MADE


def test_the_report_names_no_case(found, real):
    out, _ = found
    names = [entry["name"] for entry in json.loads((real / "manifest.json").read_text())["entries"]]
    texts = [path for path in out.rglob("*") if path.suffix in (".html", ".csv", ".json")]
    shown = [path for path in texts if "gallery" not in path.relative_to(out).parts]
    assert len(shown) > 4
    for path in shown:
        text = path.read_text()
        assert not [name for name in names if name in text], path
    assert "PATIENT" in (out / "gallery" / "README.txt").read_text()
    assert "pictures of patients" in (out / "report.html").read_text()


def test_tables_and_pictures_are_what_the_page_names(found):
    out, data = found
    page = (out / "report.html").read_text()
    for name in re.findall(r'href="(tables/[^"]+)"', page):
        assert (out / name).stat().st_size > 0
    pictures = list((out / "pictures").iterdir())
    within = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert {b64decode(one) for one in within} == {path.read_bytes() for path in pictures}
    assert page.count("src=") == len(within)
    for path in pictures:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
    with (out / "tables" / "verdicts.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["synthetic"] for row in rows] == [
        sample["sample"] for sample in data["memorisation"]["samples"]
    ]
    assert "SYNTHETIC images, not for clinical use" in page


def test_the_whole_report_is_there(found):
    out, data = found
    groups = {"all classes", "HGG", "LGG"}
    assert {one["group"] for one in data["voxels"]["mmd_kwon"]} == groups
    assert {one["batch"] for one in data["voxels"]["mmd_kwon"]} == {3, 8}
    assert {one["group"] for one in data["voxels"]["mmd_rbf"]} == groups
    diversity = {(one["group"], one["preset"]) for one in data["variety"]["ms_ssim"]}
    assert {preset for _, preset in diversity} <= {"kwon2019", "wang2003-k7"}
    distances = data["features"]["distances"]
    assert {(one["extractor"], one["view"]) for one in distances} == {
        ("EfficientNet-Lite0", "axial"), ("EfficientNet-Lite0", "coronal"),
        ("EfficientNet-Lite0", "sagittal"), ("random network", "volume"),
    }  # fmt: skip
    assert all(one["synthetic"] == 2 * MADE for one in distances if one["group"] == "all classes")
    assert all(one["real"] == HELD for one in distances if one["group"] == "all classes")
    assert "name one with --model" in data["speed"]["note"]
    tables = {path.stem for path in (out / "tables").iterdir()}
    layouts = {"layout_seed000-1", "layout_seed001-1-HGG", "layout_seed001-1-LGG"}
    assert layouts <= tables
    with (out / "tables" / "layout_seed001-1-HGG.csv").open() as stream:
        ours, real, *papers = csv.DictReader(stream)
    assert f"{MADE} synthetic ROIs" in ours["model"]
    (kwon,) = (
        one for one in data["voxels"]["mmd_kwon"] if (one["group"], one["batch"]) == ("HGG", 3)
    )
    assert float(ours["MMD (10^4)"]) == pytest.approx(kwon["value"] / 1e4)
    assert float(real["MMD (10^4)"]) == pytest.approx(kwon["floor"] / 1e4)
    assert all(row["model"].startswith("other data: ") for row in papers)
    assert len(papers) == 8


def test_paired_rois(run, real, made, tmp_path):
    images, rng = tumours(3, 21), np.random.default_rng(0)
    write_images(tmp_path / "a", images)
    noise = [np.where(one > -1, one + 0.1 * rng.standard_normal(one.shape), -1) for one in images]
    made_of_them = [np.clip(one, -1, 1).astype(np.float32) for one in noise]
    write_images(tmp_path / "b", made_of_them)
    names = [f"made_{number:03d}.nii.gz" for number in range(3)]
    lines = ["real,synthetic", *(f"a/{name},b/{name}" for name in names)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    found = run(
        "evaluate", "--real", real, "--synthetic", made, "--out", tmp_path / "r",
        "--paired", tmp_path / "pairs.csv", "--features", "random", "--pairs", 10,
        "--table", "seed003-6", "--json",
    ).json["pairs"]  # fmt: skip
    rows = {(row["name"], row["region"]): row for row in found["rows"]}
    psnr = [
        peak_signal_noise_ratio(one, other, data_range=2)
        for one, other in zip(images, made_of_them, strict=True)
    ]
    assert rows["PSNR (dB)", "whole image"]["mean"] == pytest.approx(np.mean(psnr), abs=1e-4)
    daef = [row for (name, _), row in rows.items() if name == "DAEF"]
    assert [row["region"] for row in daef] == ["whole image", "tumour region"]
    assert all(row["mean"] > 0 for row in daef)


def test_every_figure_has_number_and_definition(found):
    figures = found[1]["memorisation"]["figures"]
    assert len(figures) >= 6
    for figure in figures:
        assert figure["n"]
        assert figure["definition"].endswith(".")
        assert figure["value"] is not None or figure["note"]


def test_the_same_call_gives_the_same(run, real, made, found, tmp_path):
    again = run(
        "evaluate", "--real", real, "--synthetic", made, "--out", tmp_path / "r", "--workers", 1,
        "--table", "seed000-1", "--json",
    )  # fmt: skip
    first, second = dict(found[1]), again.json
    assert second.pop("report") == str(tmp_path / "r" / "report.html")
    for data in (first, second):
        for name in ("created",):
            data.pop(name, None)
    for data in (first, second):  # another gallery has other pseudonyms
        for sample in data["memorisation"]["samples"]:
            sample.pop("nearest")
    assert first == second


def test_a_gallery_serves_as_the_real_set(run, real, made, tmp_path):
    from napari_tumor_synth.imaging.roi_cache import RoiCache

    build_gallery(RoiCache.open(real), tmp_path / "g")
    outcome = run(
        "evaluate", "--real", tmp_path / "g", "--synthetic", made, "--out", tmp_path / "r"
    )
    assert outcome.code == 0, outcome.err
    assert "copies of real ROIs" in outcome.out
    assert not (tmp_path / "r" / "gallery").exists()


def test_a_folder_of_cases_is_cut_to_the_grid_of_the_set(run, tiny, cohort, tmp_path):
    run("generate", "--model", tiny, "--class", "HGG", "--count", 3, "--out", tmp_path / "s")
    outcome = run(
        "evaluate", "--real", cohort, "--synthetic", tmp_path / "s", "--out", tmp_path / "r",
        "--reference", "all", "--workers", 1, "--model", tiny, "--table", "seed000-2", "--json",
        *QUICK,
    ).json  # fmt: skip
    speed = outcome["speed"]
    assert (speed["model"], speed["device"]) == ("tiny", "CPU")
    assert 0 < speed["seconds"]["least"] <= speed["seconds"]["median"]
    weights = read_checkpoint(tiny).tensors.values()
    assert speed["weights_m"] == pytest.approx(
        sum(weight.numel() for weight in weights if weight.is_floating_point()) / 1e6
    )
    with (tmp_path / "r" / "tables" / "layout_seed000-2.csv").open() as stream:
        first, *_, last = csv.DictReader(stream)
    assert float(first["parameters, M"]) == speed["weights_m"]
    assert last == {
        "model": "other data: 3D-VQGAN-lat8", "parameters, M": "385.11", "GPU, s": "15.31",
        "CPU, s": "60.29",
    }  # fmt: skip
    assert (outcome["grid"], outcome["spacing_mm"]) == ([16, 16, 16], 4.0)
    assert outcome["models"][0]["name"] == "tiny"
    assert outcome["reference"] == "all"
    page = (tmp_path / "r" / "report.html").read_text()
    assert "simulated cases (phantoms), of no patient" in page
    assert "pictures of patients" not in page


def test_few_patients_and_a_copy_give_a_report_that_says_so(run, tmp_path):
    images = tumours(14, 5)
    patients = [f"p{number}" for number in range(14)]
    patients[9] = patients[11] = patients[13]  # all held-out LGG are of one
    splits = ["train"] * 8 + ["test"] * 6
    write_cache(tmp_path / "real", images, patients, splits, sequences=("flair",))
    write_images(tmp_path / "made" / "HGG", [images[0], *tumours(3, 6)])
    write_images(tmp_path / "made" / "LGG", tumours(2, 7))  # under names that HGG has, too
    call = ("evaluate", "--real", tmp_path / "real", "--synthetic", tmp_path / "made", *QUICK)
    words = run(*call, "--out", tmp_path / "r").out
    assert "copies of real ROIs  at least 0.1667, 6 synthetic ROIs" in words
    assert "training cases copied  at least 0.125, 8 training ROIs" in words
    found = json.loads((tmp_path / "r" / "report.json").read_text())
    copy = max(found["memorisation"]["samples"], key=lambda sample: sample["foreground_ssim"])
    assert copy["sample"] == "HGG/made_000"
    assert 0.999 < copy["foreground_ssim"] <= 1
    copies = found["memorisation"]["figures"][0]
    assert (copies["value"], copies["high"]) == (pytest.approx(1 / 6), None)
    assert "Not calibrated: the gallery has 12 patients" in copies["note"]
    assert {one["group"] for one in found["voxels"]["mmd_rbf"]} == {"all classes", "HGG"}
    page = (tmp_path / "r" / "report.html").read_text()
    assert "HGG is 67% of the synthetic and 50% of the real ROIs" in page
    assert "Not compared on their own" in page


def test_synthetic_files_among_the_real_ones_are_refused(run, refuse, tiny, cohort, tmp_path):
    made = run(
        "generate", "--model", tiny, "--class", "HGG", "--count", 2, "--out", tmp_path / "s",
        "--json",
    ).json["samples"]  # fmt: skip
    shutil.copytree(cohort, tmp_path / "cases")
    victim = tmp_path / "cases" / "HGG" / "Phantom_HGG_000001"
    shutil.copy(made[0]["image"], victim / f"{victim.name}_flair.nii.gz")
    call = ("evaluate", "--real", tmp_path / "cases", "--synthetic", tmp_path / "s", "--out")
    assert "is synthetic" in refuse(*call, tmp_path / "r")


def test_what_cannot_be_evaluated(refuse, real, made, tmp_path):
    def call(*more, real=real, made=made, out=tmp_path / "r"):
        return refuse("evaluate", "--real", real, "--synthetic", made, "--out", out, *more)

    assert "There is no folder" in call(made=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no synthetic ROI" in call(made=tmp_path / "empty")
    assert "no table" in call("--table", "seed009-1")
    assert "no feature extractor" in call("--features", "inception")
    assert "no network" in call("--features", "resnet11-3d:x:y")
    assert "There is no file" in call("--features", "resnet10-3d:nowhere.safetensors:00")
    assert "cannot be read" in call("--paired", tmp_path / "nowhere.csv")
    assert "--reference" in call("--reference", "some")
    assert str(tmp_path / "nowhere") in call(real=tmp_path / "nowhere")
    write_images(tmp_path / "other", [image[:-4] for image in tumours(2, 3)])
    words = call(made=tmp_path / "other")
    assert "cache has 32 x 32 x 32 voxels of 1 mm. Prepare the cohort on the grid" in words
    assert not (tmp_path / "r" / "gallery").exists()
    write_images(tmp_path / "mixed", tumours(2, 3))
    write_images(tmp_path / "mixed", [image[:-4] for image in tumours(1, 4)], start=2)
    words = call(made=tmp_path / "mixed")
    assert "made_000.nii.gz has 32 x 32 x 32 voxels of 1 mm (image), and made_002.nii.gz" in words
    write_images(tmp_path / "flat", [np.where(one > -1, 0.5, -1) for one in tumours(2, 3)])
    assert "made_000.nii.gz has one intensity everywhere" in call(made=tmp_path / "flat")
    write_images(tmp_path / "hollow", [np.full((SIZE,) * 3, -1, np.float32)])
    assert "made_000" in call(made=tmp_path / "hollow")
    broken = tumours(2, 5)
    broken[1][4, 4, 4] = np.nan
    write_images(tmp_path / "nan", broken)
    assert "made_001" in call(made=tmp_path / "nan")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    assert "thesis.txt" in call(out=tmp_path / "full")
    assert not (tmp_path / "r" / "report.html").exists()


def test_a_damaged_record_is_named(run, refuse, tiny, real, tmp_path):
    run("generate", "--model", tiny, "--class", "HGG", "--count", 2, "--out", tmp_path / "s")
    image = tmp_path / "s" / "synthetic_HGG_000000_roi.nii.gz"
    volume = read_image(image)
    write_volume(Volume(volume.array * np.float32(0.5), volume.affine), image)
    words = refuse(
        "evaluate", "--real", real, "--synthetic", tmp_path / "s", "--out", tmp_path / "r"
    )
    assert "is not the file that" in words


def test_an_earlier_report_is_replaced_and_kept_if_the_new_one_fails(
    run, refuse, real, made, tmp_path
):
    call = ("evaluate", "--real", real, "--synthetic", made, "--out", tmp_path / "r", *QUICK)
    assert run(*call).code == 0
    before = (tmp_path / "r" / "report.json").read_bytes()
    refuse("evaluate", "--real", real, "--synthetic", tmp_path, "--out", tmp_path / "r")
    assert (tmp_path / "r" / "report.json").read_bytes() == before
    assert run(*call, "--seed", 1).code == 0
    assert json.loads((tmp_path / "r" / "report.json").read_text())["seed"] == 1
