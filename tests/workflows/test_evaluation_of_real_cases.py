"""Real patients: found in their own gallery, hidden or not, and never named in a report."""

import json

import numpy as np
import pytest

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.transforms import Transform
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.workflows.copy_guard import GuardSettings
from napari_tumor_synth.workflows.evaluate import EvaluationRequest, evaluate
from napari_tumor_synth.workflows.gallery import build_gallery_of, look_up
from napari_tumor_synth.workflows.generate import GenerationRequest, generate_to_folder

CUT = RoiSettings(size=(64, 64, 64), spacing_mm=2.0)


@pytest.fixture(scope="module")
def cohort(real_cases, tmp_path_factory):
    root = tmp_path_factory.mktemp("cohort")
    for case in real_cases:
        folder = root / case.class_name / case.name
        folder.mkdir(parents=True)
        for path in (*case.sequences.values(), case.segmentation):
            (folder / path.name).symlink_to(path)
    return root


@pytest.fixture(scope="module")
def gallery(cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("gallery") / "g"
    return build_gallery_of(cohort, out, settings=CUT, workers=2)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    out = tmp_path_factory.mktemp("samples")
    generate_to_folder(GenerationRequest(("HGG", "LGG"), range(6)), out)
    return out


def test_all_are_there_and_are_patients(gallery, real_cases):
    assert len(gallery) == len(real_cases)
    assert gallery.patient_data
    assert {entry.class_name for entry in gallery.entries} == {"HGG", "LGG"}
    readme = (gallery.folder / "README.txt").read_text()
    assert readme.startswith("PATIENT DATA")


def test_each_finds_itself_and_nobody_else_is_like_it(gallery):
    for index, entry in enumerate(gallery.entries):
        best, second, *_ = find_nearest(gallery, gallery.image(index)).matches
        assert best.entry.name == entry.name
        assert best.score.foreground == pytest.approx(1, abs=1e-6)
        assert second.score.foreground < 0.6


def test_hidden_ones_are_found(gallery):
    hidden = Transform(mirror=2, plane="axial", degrees=-30, shift=(1, -2, 2))
    for index in (0, len(gallery) // 2, len(gallery) - 1):
        query = hidden.apply(gallery.image(index))
        best, second, *_ = find_nearest(gallery, query, transforms=True).matches
        assert best.index == index
        assert best.score.foreground > second.score.foreground + 0.2


def test_eighteen_patients_are_not_enough_to_judge(gallery, samples):
    queries = sorted(samples.glob("synthetic_*.json"))
    found = look_up(queries, Gallery.open(gallery.folder))
    assert [one.verdict.name for one in found] == ["not calibrated"] * len(queries)
    assert not any(one.verdict.is_copy for one in found)


def test_records_of_guarded_samples_name_no_case(gallery, tmp_path):
    request = GenerationRequest(("LGG",), range(2), guard=GuardSettings(gallery.folder))
    result = generate_to_folder(request, tmp_path)
    assert len(result.samples) == 2
    text = "".join(path.read_text() for path in tmp_path.glob("*.json"))
    assert "copy_check" in text
    assert not [entry.name for entry in gallery.entries if entry.name in text]


def test_the_report_names_no_case_and_warns(gallery, samples, tmp_path):
    request = EvaluationRequest(
        gallery.folder, samples, reference="all", extractors=("random",), pairs=50
    )
    found = evaluate(request, tmp_path / "r")
    page = found.report.read_text()
    assert "pictures of patients" in page
    data = json.loads((tmp_path / "r" / "report.json").read_text())
    for text in (page, json.dumps(data)):
        assert not [entry.name for entry in gallery.entries if entry.name in text]
    figures = {figure["name"]: figure for figure in data["memorisation"]["figures"]}
    assert figures["copies of real ROIs"]["value"] is None
    assert "Not calibrated" in figures["copies of real ROIs"]["note"]
    kwon = [one for one in data["voxels"]["mmd_kwon"] if one["group"] == "all classes"]
    assert all(np.isfinite(one["value"]) and one["collapsed"] < one["floor"] for one in kwon)
