"""Every benchmark runs with tiny settings, and its result fills docs/performance.md."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from tiny_vqgan import tiny_settings, write_tiny

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
TINY_RECIPE = """
name = "tiny"
size = [16, 16, 16]
spacing_mm = 8.0
conditional = true
[autoencoder]
widths = [8, 8]
strides = [2, 2]
residual_blocks = [0, 0]
embedding = 8
codes = 16
norm = "channel"
[discriminator]
widths = [8]
norm = "channel"
[transformer]
layers = 1
heads = 2
width = 16
length = 64
codes = 16
classes = 2
[autoencoder_training]
phases = [{ batch = 2, steps = 4 }]
[autoencoder_training.losses]
perceptual = 0.0
[autoencoder_training.adversarial]
start = 0.5
warm_up = 0.0
ramp = 0.0
[token_training]
phases = [{ batch = 2, steps = 2 }]
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE, "utf-8")
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    threads = torch.get_num_threads()

    def run_one(name: str, *options: str) -> dict[str, Any]:
        module = load(ROOT / "benchmarks" / f"{name}.py")
        capsys.readouterr()
        module.main(["--small", "--repeats", "1", *options])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["benchmark"] == name
        assert found["machine"]["threads"] >= 1
        assert found["machine"]["torch"] == torch.__version__
        return found

    yield run_one
    torch.set_num_threads(threads)


def table_of(result: dict[str, Any]) -> str:
    performance = load(ROOT / "scripts" / "write_performance.py")
    page = performance.fill(performance.PAGE.read_text("utf-8"), {result["benchmark"]: result})
    begin, end = f"<!-- begin {result['benchmark']} -->", f"<!-- end {result['benchmark']} -->"
    table: str = page.split(begin)[1].split(end)[0]
    assert performance.fill(page, {result["benchmark"]: result}) == page
    return table


def test_every_benchmark_has_a_table() -> None:
    performance = load(ROOT / "scripts" / "write_performance.py")
    by_script = {"precision"}  # scripts/compare_precisions.py
    assert sorted(performance.TABLES) == sorted({*BENCHMARKS, *by_script})


def test_the_page_is_what_the_kept_results_say() -> None:
    performance = load(ROOT / "scripts" / "write_performance.py")
    page = performance.PAGE.read_text("utf-8")
    assert page == performance.fill(page, performance.read_results(performance.RESULTS))


def test_roi_extraction(run: Any, tmp_path: Path) -> None:
    from conftest import brain_case
    from napari_tumor_synth.imaging.writing import write_volume

    image, segmentation = brain_case()
    write_volume(image, tmp_path / "flair.nii.gz")
    write_volume(segmentation, tmp_path / "seg.nii.gz")
    files = [
        "--image",
        str(tmp_path / "flair.nii.gz"),
        "--segmentation",
        str(tmp_path / "seg.nii.gz"),
    ]
    result = run("roi_extraction", *files)
    assert result["shape"] == [40, 44, 48]
    assert result["extract"]["64^3 at 2 mm"]["median_s"] > 0
    assert "64^3 at 2 mm" in table_of(result)


def test_ssim(run: Any) -> None:
    result = run("ssim")
    uniform = result["windows"]["uniform"]
    assert uniform["all_pairs"]["pairs"] == 6
    assert uniform["others"]["scikit-image, float64"]["largest_difference"] < 1e-9
    assert result["windows"]["gaussian"]["others"]["MONAI SSIMMetric, float32"][
        "largest_difference"
    ] == pytest.approx(0, abs=1e-5)
    table = table_of(result)
    assert table.count("| this project |") == 2
    assert "All 6 pairs" in table


def test_nearest(run: Any) -> None:
    result = run("nearest")
    assert result["hidden_copy_found"] is True
    assert result["as_it_is"]["median_s"] > 0
    assert "gallery of 4 ROIs of 24^3" in table_of(result)


def test_fid(run: Any) -> None:
    result = run("fid")
    assert [one["view"] for one in result["looking"]] == ["axial", "coronal", "sagittal", "volume"]
    few = result["distances"][0]
    assert few["vectors"] < few["dimensions"]
    assert few["peers"]["MONAI FIDMetric"]["relative_difference"] < 1e-4
    table = table_of(result)
    assert "8 of 24^3" in table
    assert table.count("| scipy sqrtm |") == len(result["distances"])


@pytest.mark.slow
def test_prepare(run: Any) -> None:
    result = run("prepare")
    assert result["cases"] == 4  # two of each class
    assert result["processes"]["1"]["median_s"] > 0
    assert "4 cases (phantoms)" in table_of(result)


@pytest.mark.slow
def test_generate(run: Any, tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    result = run("generate", "--model", str(model))
    assert result["rois"] == 2
    assert result["process"]["median_s"] > 0
    assert result["peak_mb"] > 50
    assert "2 ROIs of tiny" in table_of(result)


def test_generate_without_a_model_says_so(run: Any) -> None:
    result = run("generate", "--model", "no-such-model")
    assert "no-such-model" in result["left_out"]
    assert "no-such-model" in table_of(result)


def test_sampling(run: Any, recipe: Path) -> None:
    result = run("sampling", "--recipes", str(recipe))
    precisions = result["recipes"]["tiny"]["precisions"]
    assert set(precisions) == {"float32", "bfloat16", "int8"}
    assert precisions["int8"]["2"]["median_s"] > 0
    assert "1 x 2 x 16" in table_of(result)


def test_sampling_of_a_bidirectional_model(run: Any, recipe: Path) -> None:
    text = recipe.read_text("utf-8").replace("classes = 2", "classes = 2\ncausal = false")
    recipe.write_text(text.replace("[token_training]", '[token_training]\nmasking = "cosine"'))
    result = run("sampling", "--recipes", str(recipe))
    assert result["recipes"]["tiny"]["decoding"] == "parallel, 12 rounds"
    assert set(result["recipes"]["tiny"]["precisions"]) == {"float32"}


def test_step(run: Any, recipe: Path) -> None:
    result = run("step", "--recipe", str(recipe), "--batches", "1", "2")
    assert len(result["steps"]) == 6
    for row in result["steps"]:
        assert row["middle_s"] > 0
        assert row["first_without_reading_s"] > 0
    assert table_of(result).count("| int8 |") == 2


def test_peers(run: Any, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "x_transformers", None)  # as where it is not installed
    result = run("peers", "--recipes", str(recipe))
    samplers = result["recipes"]["tiny"]["samplers"]
    assert {"this project, float32", "this project, int8"} < set(samplers)
    assert any("MONAI" in name for name in samplers)
    assert table_of(result).count("| tiny |") == len(samplers)


def test_aims(run: Any, recipe: Path, tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    result = run("aims", "--recipe", str(recipe), "--model", str(model))
    for precision, found in result["full"].items():
        assert found["precision"] == precision
        assert found["one"]["median_s"] > found["decode"]["median_s"] > 0
        assert found["bound_s"] >= 0
        assert found["peak_mb"] > 50
    table = table_of(result)
    assert table.count("| yes |") + table.count("| **no** |") == 8
    assert "| float32, one ROI | 28 s |" in table


def test_aims_without_a_model_leave_its_rows_out(run: Any, recipe: Path) -> None:
    result = run("aims", "--recipe", str(recipe), "--model", "no-such-model")
    assert "no-such-model" in result["bundled_left_out"]
    assert "bundled" not in table_of(result)


def test_decoder(run: Any, recipe: Path) -> None:
    result = run("decoder", "--recipes", str(recipe), "--sizes", "16", "32")
    assert [found["size"][0] for found in result["recipes"].values()] == [16, 32]
    assert "16^3" in table_of(result)
    assert "| tiny, 32^3 |" in table_of(result)


def test_training_step(run: Any, recipe: Path) -> None:
    result = run("training_step", "--recipe", str(recipe))
    assert [step["discriminator"] for step in result["autoencoder"]] == [False, True]
    assert len(result["transformer"]) == 2
    assert table_of(result).count("| transformer |") == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_training_memory(run: Any, recipe: Path) -> None:
    result = run("training_memory", "--recipes", str(recipe), "--estimated", str(recipe))
    assert [case["stage"] for case in result["measured"]] == ["autoencoder", "transformer"]
    assert all(case["measured_mb"] > 0 for case in result["measured"])
    (estimated,) = result["estimated_for_a_gpu"]
    assert [stage["batch"] for stage in estimated["stages"]] == [2, 2]
    assert table_of(result).count("| tiny | autoencoder | whole ROIs | 2 |") == 2


def test_parameter_counts_match_the_published_totals(run: Any) -> None:
    result = run("parameter_counts")
    total = "transformer_plus_twice_autoencoder_plus_discriminator"
    assert result["published"]["vqgan-lat8"][total] == 385_118_211
    assert result["published"]["vqgan-lat4"][total] == 393_900_035
    assert "vqgan-lat8" in table_of(result)


def test_the_counts_in_the_documents_are_current(run: Any) -> None:
    page = (ROOT / "docs" / "generators" / "vqgan.md").read_text("utf-8")
    columns = ["encoder", "decoder", "transformer", "discriminator", "importance", "codebook"]
    columns += ["trained", "needed_to_sample"]
    for recipe, counts in run("parameter_counts")["recipes"].items():
        cells = [f"`{recipe}`", *(f"{counts[name] / 1e6:.3f}" for name in columns)]
        assert f"| {' | '.join(cells)} |" in page


def test_a_dry_run_and_a_note_are_marked(run: Any, recipe: Path) -> None:
    result = run("decoder", "--recipes", str(recipe), "--note", "busy machine")
    assert "**Busy machine; small settings, no measurement.**" in table_of(result)
