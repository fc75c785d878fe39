"""The way of a user with real cases: open, look, generate, overlay."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from workbench_steps import generated

pytestmark = [pytest.mark.gui, pytest.mark.real_data]


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
