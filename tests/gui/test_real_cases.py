"""The way of a user with real cases: open, look, generate, overlay."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.workflows.gallery import build_gallery_of
from workbench_steps import generated

pytestmark = [pytest.mark.gui, pytest.mark.real_data]

ON_THE_MODELS_GRID = RoiSettings(size=(64, 64, 64), spacing_mm=2.0)


def test_a_real_case_from_its_folder_to_a_synthetic_roi_beside_it(
    bench, qtbot, real_cases, tmp_path
):
    case = next(case for case in real_cases if case.class_name == "LGG")
    bench.case.load([case.segmentation.parent])
    qtbot.waitUntil(lambda: bench.session.roi is not None, timeout=30_000)
    viewer, roi = bench.scene.viewer, bench.session.roi
    assert bench.session.case.case.name == case.name
    assert "simulated" not in bench.case.facts["Class"]
    _, segmentation, preview = viewer.layers
    shown, tumour = np.argwhere(preview.data > -1), np.argwhere(segmentation.data > 0)
    assert len(shown) == round((1 - roi.lost_fraction) * len(tumour))
    for end in (np.min, np.max):  # the preview lies exactly over its parent
        np.testing.assert_allclose(
            preview.data_to_world(end(shown, 0)), segmentation.data_to_world(end(tumour, 0))
        )
    models = bench.generate.model.list
    models.setCurrentText("phantom-flair-64")
    bench.importance.shown.click()  # of the real ROI
    qtbot.waitUntil(lambda: "Importance" in viewer.layers, timeout=60_000)
    scores = viewer.layers["Importance"].data
    assert scores.shape == roi.shape
    assert np.all(scores[~roi.mask] == 0)
    bench.importance.shown.click()
    (sample,) = generated(bench, qtbot, 7)
    bench.generate.beside.click()
    assert [layer.name for layer in viewer.layers if layer.name.startswith("REAL")] == [
        "REAL, on the grid 64³ at 2 mm"
    ]
    files = bench.generate.save(tmp_path)
    assert files.provenance.is_file()
    assert case.name not in files.provenance.read_text()
    assert sample.provenance.model_name == "phantom-flair-64"


def test_a_real_roi_finds_itself_and_is_marked_as_a_patient(bench, qtbot, real_cases, tmp_path):
    for case in real_cases:
        folder = tmp_path / "cases" / case.class_name / case.name
        folder.mkdir(parents=True)
        for path in (*case.sequences.values(), case.segmentation):
            (folder / path.name).symlink_to(path)
    gallery = build_gallery_of(
        tmp_path / "cases", tmp_path / "gallery", settings=ON_THE_MODELS_GRID, workers=2
    )
    case = real_cases[len(real_cases) // 2]
    bench.case.load([case.segmentation.parent])
    qtbot.waitUntil(lambda: bench.session.roi is not None, timeout=30_000)
    bench.generate.model.list.setCurrentText("phantom-flair-64")
    bench.roi.as_model.click()
    qtbot.waitUntil(lambda: bench.session.roi.shape == (64, 64, 64), timeout=30_000)
    bench.window().resize(1400, 900)
    bench.show_step("4  Compare")
    panel, layers = bench.compare, list(bench.scene.viewer.layers)
    panel.open_gallery(gallery.folder)
    qtbot.waitUntil(lambda: panel.found is not None, timeout=60_000)
    itself, other = panel.found.listed[:2]
    assert itself.match.entry.name == case.name
    assert itself.match.score.foreground == pytest.approx(1, abs=1e-4)
    assert other.match.score.foreground < 0.6
    assert panel.found.verdict.name == "not calibrated"
    panel.compare(other)
    qtbot.waitUntil(
        lambda: panel.dock.view is not None and panel.dock.view.pair is not None, timeout=60_000
    )
    assert panel.dock.view.pair.kinds == ("REAL", "REAL")
    assert list(bench.scene.viewer.layers) == layers  # patients of the gallery are in no list
