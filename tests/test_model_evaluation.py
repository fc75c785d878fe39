"""The page on a bundled model's evaluation says what was measured, and of this very model."""

import importlib.util
import json
from pathlib import Path

import pytest

from napari_tumor_synth.generators.catalogue import list_models

ROOT = Path(__file__).parent.parent
NAMES = [model.entry.name for model in list_models() if model.entry.name.startswith("phantom")]


@pytest.fixture(scope="module")
def writer():
    path = ROOT / "scripts" / "write_model_evaluation.py"
    spec = importlib.util.spec_from_file_location("write_model_evaluation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=NAMES)
def evaluated(request, writer):
    return request.param, json.loads(writer.kept(request.param).read_text("utf-8"))


def test_the_page_is_what_the_kept_results_say(writer, evaluated):
    name, data = evaluated
    assert writer.page(name).read_text("utf-8") == writer.render(name, data)
    changed = json.loads(json.dumps(data))
    changed["variety"]["ms_ssim"][0]["difference"] += 0.1
    assert writer.render(name, changed) != writer.render(name, data)


def test_the_results_are_of_this_model_and_of_no_patient(evaluated):
    name, data = evaluated
    (model,) = (model for model in list_models() if model.entry.name == name)
    assert [one["sha256"] for one in data["models"]] == [model.entry.sha256]
    assert data["real"]["patient_data"] is False
    assert data["real"]["rois"] > 500
    assert data["synthetic"]["rois"] >= 200


def test_pictures_are_there(writer, evaluated):
    name, _ = evaluated
    for picture in writer.PICTURES.values():
        assert (ROOT / "docs" / "images" / f"{name}-{picture}.png").stat().st_size > 10_000


def test_a_report_of_patients_is_not_kept(writer, tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"real": {"patient_data": True}}))
    with pytest.raises(SystemExit, match="patients"):
        writer.keep("none", tmp_path)
