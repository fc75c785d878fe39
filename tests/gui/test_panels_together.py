"""Several panels of one viewer say the same, whoever of them did it."""

import threading

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from cohort_factory import write_case, write_nifti
from napari_tumor_synth.imaging.roi import extract_roi
from napari_tumor_synth.widgets import roi_panel
from napari_tumor_synth.widgets.case_panel import CasePanel
from napari_tumor_synth.widgets.generate_panel import GeneratePanel
from napari_tumor_synth.widgets.roi_panel import SIZES, RoiPanel
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui


@pytest.fixture
def another(bench, qtbot):
    """Return a function that opens one more panel on the session of the workbench."""
    panels = []

    def open_panel(panel_class):
        panel = panel_class(bench.session)
        qtbot.addWidget(panel)
        panels.append(panel)
        return panel

    yield open_panel
    for panel in panels:
        panel.close_jobs()


def at_rest(bench, qtbot, *others):
    for panel in (bench.roi, *others):
        qtbot.waitUntil(lambda panel=panel: not panel._job.is_running, timeout=20_000)


def test_a_case_opened_in_one_panel_is_told_in_all(bench, qtbot, case, tmp_path, another):
    other = another(CasePanel)
    opened(bench, qtbot, case)
    assert other.facts["Patient"] == bench.case.facts["Patient"] != ""
    assert other.case_choice.currentText() == bench.case.case_choice.currentText()
    second = write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3)
    other.load([second])
    qtbot.waitUntil(lambda: bench.session.case.case.name == second.name, timeout=20_000)
    assert "HGG" in bench.case.facts["Class"]
    assert bench.case.case_choice.currentText() == other.case_choice.currentText()


def test_the_look_of_the_segmentation_is_the_same_in_all(bench, qtbot, case, another):
    other = another(CasePanel)
    opened(bench, qtbot, case)
    other.segmentation.outline.click()
    other.segmentation.opacity.setValue(70)
    assert bench.case.segmentation.look == other.segmentation.look


def test_a_roi_is_cut_once_and_all_panels_say_how(bench, qtbot, case, monkeypatch, another):
    cuts = []
    monkeypatch.setattr(
        roi_panel, "extract_roi", lambda *given: cuts.append(given) or extract_roi(*given)
    )
    other = another(RoiPanel)
    bench.roi.size_choice.setCurrentIndex(0)
    qtbot.wait(300)  # before there is a case: nothing to cut, and nothing to say
    assert bench.roi.message.text == ""
    opened(bench, qtbot, case)
    at_rest(bench, qtbot, other)
    assert len(cuts) == 1
    before = bench.session.roi
    other.size_choice.setCurrentIndex(SIZES.index(96))
    other.spacing.setValue(2.0)
    qtbot.waitUntil(lambda: bench.session.roi is not before, timeout=20_000)
    at_rest(bench, qtbot, other)
    qtbot.wait(300)  # nobody answers with a cut of his own
    for panel in (bench.roi, other):
        assert panel.settings == bench.session.roi.settings
        assert panel._lost.text() != ""
    assert bench.session.roi.settings.spacing_mm == 2.0


def test_labels_that_are_ticked_again_are_so_in_all_panels(bench, qtbot, tmp_path, another):
    case = write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3)
    path = case / f"{case.name}_seg.nii.gz"
    labels = np.asarray(nib.load(path).dataobj).copy()
    labels[tuple(np.argwhere(labels)[0])] = 1  # a second label
    write_nifti(path, labels)
    other = another(RoiPanel)
    opened(bench, qtbot, case)
    at_rest(bench, qtbot, other)
    for ticked in (False, True):
        before = bench.session.roi
        other.labels.tick(1, ticked)
        qtbot.waitUntil(lambda before=before: bench.session.roi is not before, timeout=20_000)
        at_rest(bench, qtbot, other)
        assert (1 in bench.roi.labels.ticked) == (1 in other.labels.ticked) == ticked


def test_a_panel_opened_later_does_not_cut_again(bench, qtbot, case, another):
    opened(bench, qtbot, case)
    at_rest(bench, qtbot)
    roi = bench.session.roi
    other = another(RoiPanel)
    at_rest(bench, qtbot, other)
    assert bench.session.roi is roi
    assert other.settings == roi.settings
    assert other.save_button.isEnabled()


def test_a_roi_of_the_last_case_does_not_come_to_the_next(
    bench, qtbot, case, tmp_path, monkeypatch
):
    second = write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3)
    opened(bench, qtbot, case)
    at_rest(bench, qtbot)
    goes_on, seen = threading.Event(), []

    def slow(*given):
        if not goes_on.is_set():
            assert goes_on.wait(20)
        return extract_roi(*given)

    monkeypatch.setattr(roi_panel, "extract_roi", slow)
    bench.session.roi_changed.connect(lambda roi: seen.append((bench.session.case, roi)))
    bench.roi.spacing.setValue(2.0)
    qtbot.waitUntil(lambda: bench.roi._job.is_running, timeout=5000)
    bench.case.load([second])
    qtbot.waitUntil(lambda: bench.session.case.case.name == second.name, timeout=20_000)
    goes_on.set()
    qtbot.waitUntil(lambda: bench.session.roi is not None, timeout=20_000)
    at_rest(bench, qtbot)
    for open_case, roi in seen:
        if roi is not None:
            parent = open_case.images["flair"]
            assert np.array_equal(roi.image, extract_roi({"flair": parent}, open_case.segmentation,
                                                         roi.settings).image)  # fmt: skip


def test_model_and_beside_are_the_same_in_all(bench, qtbot, another):
    other = another(GeneratePanel)
    assert other.model.entry == bench.generate.model.entry
    assert other.model.entry.name == "tiny"
    assert other.model.list.count() > 1, "there is another one to choose"
    other.model.list.setCurrentIndex(int(other.model.list.currentIndex() == 0))
    assert other.model.entry.name != "tiny"
    assert bench.generate.model.entry == bench.session.model == other.model.entry
    other.beside.click()
    assert bench.generate.beside.isChecked()
    assert bench.session.beside


def test_a_sample_of_one_panel_can_be_saved_by_all(bench, qtbot, another, tmp_path):
    other = another(GeneratePanel)
    assert not other.save_button.isEnabled()
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    assert other.save_button.isEnabled()
    assert other.save(tmp_path).image.is_file()
