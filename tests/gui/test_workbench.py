"""The workbench as a user meets it, with a tiny model of random weights."""

import json

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

import torch
from napari.layers import Image, Labels

from cohort_factory import write_case, write_cohort
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.widgets import case_panel
from napari_tumor_synth.widgets.planes.anatomy import VIEWS_3D
from napari_tumor_synth.widgets.preferences import Preferences
from napari_tumor_synth.widgets.session import session_of
from napari_tumor_synth.widgets.workbench import Workbench
from workbench_steps import dropped, generated, opened

pytestmark = pytest.mark.gui

LARGE_LESION = 4  # seed of a case whose lesion has voxels of 4 mm


def world_of(layer, index):
    return np.asarray(layer.data_to_world(index))


def test_from_a_case_to_a_saved_sample(bench, qtbot, case, tmp_path, model):
    viewer = opened(bench, qtbot, case)
    image, segmentation, roi = viewer.layers
    assert roi.name.endswith("ROI")
    assert "LGG" in bench.case.facts["Class"]
    inside, cut = np.argwhere(segmentation.data > 0), np.argwhere(roi.data > -1)
    for end in (np.min, np.max):  # the preview lies exactly over its parent
        np.testing.assert_allclose(
            world_of(segmentation, end(inside, 0)), world_of(roi, end(cut, 0))
        )

    (sample,) = generated(bench, qtbot, 7)
    again = load_generator(model, torch.device("cpu")).sample("HGG", [7])[0]
    np.testing.assert_array_equal(sample.roi.image, again.roi.image)
    shown = viewer.layers["SYNTHETIC HGG seed 7"]
    assert shown.visible
    assert not image.visible
    assert shown.metadata["provenance"]["seed"] == 7
    badges = bench.scene.planes.view.panes["axial"].overlay.content.badges
    assert badges == ("SYNTHETIC", "16³ at 4 mm")
    assert "SYNTHETIC" in viewer.canvas.overlays.text.text

    bench.importance.shown.click()
    qtbot.waitUntil(lambda: "Importance" in viewer.layers, timeout=20_000)
    scores = viewer.layers["Importance"].data
    assert np.all(scores[~sample.roi.mask] == 0)
    assert np.all(scores[sample.roi.mask] > 0)

    files = bench.generate.save(tmp_path / "out")
    saved = nib.load(files.image)
    assert saved.header["descrip"].item().decode().startswith("SYNTHETIC")
    np.testing.assert_array_equal(saved.get_fdata().transpose(2, 1, 0), sample.roi.image[0])
    record = json.loads(files.provenance.read_text())
    assert (record["seed"], record["class_name"]) == (7, "HGG")

    bench.generate.repeat(files.provenance)
    qtbot.waitUntil(lambda: len(bench.session.samples) == 2, timeout=20_000)
    np.testing.assert_array_equal(bench.session.samples[1].roi.image, sample.roi.image)


def test_a_run_can_be_cancelled_and_another_started(bench, qtbot, slow_runs):
    bench.generate.count.setValue(32)
    bench.generate.generate()
    qtbot.waitUntil(lambda: "step" in bench.generate.run.words.text(), timeout=20_000)
    assert bench.generate.run.button.text() == "Cancel"
    with qtbot.waitSignal(bench.generate.job.cancelled, timeout=5000):
        bench.generate.run.button.click()
    assert bench.session.samples == []
    assert bench.generate.run.button.text() == "Generate"
    assert bench.generate.run.button.isEnabled()
    generated(bench, qtbot, 3)


def test_live_mode_replaces_its_sample_and_never_queues(bench, qtbot):
    bench.generate.live.click()
    qtbot.waitUntil(lambda: len(bench.session.samples) == 1, timeout=20_000)
    for seed in (11, 12, 13):
        bench.generate.seed.set_value(seed)
    qtbot.waitUntil(
        lambda: [s.provenance.seed for s in bench.session.samples] == [13], timeout=20_000
    )
    bench.generate.live.click()
    generated(bench, qtbot, 14)
    assert [s.provenance.seed for s in bench.session.samples] == [13, 14]


def test_a_cohort_offers_its_cases(bench, qtbot, tmp_path):
    write_cohort(tmp_path / "cohort", per_class=2)
    bench.case.load([tmp_path / "cohort"])
    qtbot.waitUntil(lambda: "4 cases found" in bench.case.message.text, timeout=20_000)
    bench.case.case_choice.setCurrentIndex(2)
    bench.case.case_choice.activated.emit(2)
    qtbot.waitUntil(lambda: bench.session.roi is not None, timeout=20_000)
    assert bench.session.case.case.class_name == "LGG"
    assert len(bench.scene.viewer.layers) == 3


def test_wrong_files_are_answered_with_a_sentence_and_nothing_changes(bench, qtbot, case, tmp_path):
    viewer = opened(bench, qtbot, case)
    before = [layer.name for layer in viewer.layers]
    bad = tmp_path / "scan.nii.gz"
    bad.write_bytes(b"no image at all")
    for paths, words in (
        ([tmp_path / "nothing.nii.gz"], "does not exist"),
        ([bad, case / f"{case.name}_seg.nii.gz"], "scan.nii.gz"),
    ):
        bench.case.load(paths)
        qtbot.waitUntil(lambda words=words: words in bench.case.message.text, timeout=20_000)
        assert [layer.name for layer in viewer.layers] == before
        assert bench.session.case.case.name == case.name


def test_a_second_case_during_a_run_keeps_the_result(bench, qtbot, case, tmp_path):
    opened(bench, qtbot, case)
    bench.generate.generate()
    other = write_case(tmp_path / "HGG", "Brats18_CBICA_H05_1", 5)
    bench.case.load([other])
    qtbot.waitUntil(
        lambda: bool(bench.session.samples) and bench.session.case.case.name == other.name,
        timeout=30_000,
    )


def test_the_real_roi_beside_a_synthetic_one_is_told_apart_in_every_pane(bench, qtbot, tmp_path):
    viewer = opened(bench, qtbot, write_case(tmp_path, "Brats18_CBICA_L00_1", LARGE_LESION))
    (sample,) = generated(bench, qtbot, 1)
    panes = bench.scene.planes.view.panes

    def boxes(plane):
        return {caption: corners for *corners, caption in panes[plane].overlay.content.boxes}

    assert list(boxes("axial")) == [""]  # alone: the badge in the corner says what it is
    bench.generate.beside.click()
    beside = next(layer for layer in viewer.layers if layer.name.startswith("REAL"))
    made = viewer.layers["SYNTHETIC HGG seed 1"]
    np.testing.assert_allclose(beside.scale, made.scale)
    step = np.subtract(beside.translate, made.translate)
    np.testing.assert_allclose(step, [0, 0, made.scale[2] * sample.roi.shape[2]])
    bench.scene.planes.move_to(tuple(np.mean(made.extent.world, axis=0).tolist()))
    assert set(boxes("sagittal")) == {"SYNTHETIC"}
    for plane in ("axial", "coronal"):
        real, synthetic = boxes(plane)["REAL"], boxes(plane)["SYNTHETIC"]
        # radiological: the patient's right is on the left of the screen
        assert max(x for x, _ in real) == pytest.approx(min(x for x, _ in synthetic))
    bench.scene.planes.move_to(tuple(np.mean(beside.extent.world, axis=0).tolist()))
    assert set(boxes("sagittal")) == {"REAL"}
    bench.generate.beside.click()
    assert list(boxes("coronal")) == [""]
    assert beside not in viewer.layers


def test_a_lesion_too_small_for_the_models_grid_is_a_sentence(bench, qtbot, case):
    opened(bench, qtbot, case)
    generated(bench, qtbot, 1)
    bench.generate.beside.click()
    assert "No voxel of 4 mm" in bench.generate.message.text
    assert not [layer for layer in bench.scene.viewer.layers if layer.name.startswith("REAL")]


def test_layers_that_a_user_deletes_are_forgotten(bench, qtbot, case):
    viewer = opened(bench, qtbot, case)
    generated(bench, qtbot, 1, count=2)
    viewer.layers.remove("SYNTHETIC HGG seed 2")
    assert [s.provenance.seed for s in bench.session.samples] == [1]
    viewer.layers.clear()
    assert bench.session.samples == []
    bench.case.load([case])
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=20_000)


def test_a_tampered_model_is_refused_and_the_panel_goes_on(bench, qtbot, model, tmp_path):
    intact = model.read_bytes()
    try:
        model.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
        bench.generate.generate()
        qtbot.waitUntil(lambda: "tiny" in bench.generate.message.text, timeout=20_000)
        assert bench.session.samples == []
    finally:
        model.write_bytes(intact)
    generated(bench, qtbot, 1)


def test_running_out_of_memory_is_a_sentence(bench, qtbot, monkeypatch):
    from napari_tumor_synth.networks.trained_decoder import TrainedDecoder

    def full(self, codes):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(TrainedDecoder, "forward", full)
        bench.generate.generate()
        qtbot.waitUntil(lambda: "memory" in bench.generate.message.text, timeout=20_000)
    assert bench.generate.run.button.isEnabled()
    generated(bench, qtbot, 1)


def test_closing_during_a_run_is_safe_and_gives_the_camera_back(make_napari_viewer, qtbot, model):
    viewer = make_napari_viewer()

    def look():
        background = viewer.canvas.background_color.tolist()
        arrows = viewer.canvas.overlays.axes.visible
        return viewer.scene.camera.orientation, viewer.dims.ndisplay, background, arrows

    viewer.theme = "light"
    before = look()
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench)
    changed = look()
    assert changed[:2] != before[:2]
    assert changed[2] == [0, 0, 0, 1] != before[2]
    assert changed[3]
    assert not before[3]
    bench.generate.generate()
    bench.close()
    assert look() == before
    qtbot.waitUntil(lambda: not bench.generate.job.is_running, timeout=30_000)


def test_docks_that_the_user_closes_take_everything_with_them(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    bench = Workbench(viewer)
    dock = viewer.window.add_dock_widget(bench)
    planes = bench.scene.planes
    viewer.window.remove_dock_widget(planes.view)  # as its x does
    qtbot.waitUntil(lambda: planes.view is None)
    planes.open()
    assert planes.view is not None
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: planes.view is None)
    assert bench.generate.job._closed


def test_closing_napari_closes_the_canvases(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench)
    viewer.show()
    planes = bench.scene.planes
    viewer.close()
    qtbot.waitUntil(lambda: planes.view is None)


def test_panels_of_one_viewer_share_what_is_open():
    viewer, other = object.__new__(_Viewer), object.__new__(_Viewer)
    assert session_of(viewer) is session_of(viewer)
    assert session_of(viewer) is not session_of(other)


class _Viewer:
    pass


def of_samples(viewer):
    return [layer for layer in viewer.layers if layer.metadata.get("synthetic")]


def middle(layer):
    return layer.extent.world.mean(axis=0)


def test_samples_stay_in_the_middle_of_the_roi_of_whatever_case_is_open(bench, qtbot, tmp_path):
    """Layer, box, crosshair read-out and importance must not part."""
    first, second = (write_case(tmp_path / "LGG", f"Brats18_CBICA_L0{i}_1", seed=i) for i in (0, 3))
    (sample,) = generated(bench, qtbot, 5)  # without a case, and so around the origin
    for case in (first, second):
        viewer = opened(bench, qtbot, case)
        qtbot.waitUntil(lambda: bench.session.selected is bench.session.roi, timeout=10_000)
        bench.session.select(sample)
        (layer,) = of_samples(viewer)
        (box,) = bench.scene.planes.view.panes["axial"]._boxes
        around = (np.array(box.low) + np.array(box.high)) / 2
        roi = next(layer for layer in viewer.layers if layer.metadata.get("roi"))
        np.testing.assert_allclose(middle(layer), around, atol=1e-6)
        np.testing.assert_allclose(middle(roi), around, atol=1e-6)


def test_the_crosshair_goes_to_the_lesion_of_every_next_case(bench, qtbot, case, tmp_path):
    other = write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3)
    for file in other.iterdir():
        image = nib.load(file)
        affine = nib.affines.from_matvec(np.diag([3.0, 2.0, 1.5]), [60, -90, 70])
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), file)
    for path in (case, other, case):
        opened(bench, qtbot, path)
        opened_case = bench.session.case
        inside = np.argwhere(opened_case.segmentation.array > 0).mean(axis=0)
        placed = opened_case.frame.place(opened_case.segmentation.affine)
        np.testing.assert_allclose(
            bench.scene.planes.view.crosshair.position,
            inside * placed.scale + placed.translate,
            atol=1e-6,
        )


def test_another_roi_does_not_cover_the_sample_that_is_looked_at(bench, qtbot, case):
    viewer = opened(bench, qtbot, case)
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    before = bench.session.roi
    bench.roi.spacing.setValue(2.0)
    qtbot.waitUntil(lambda: bench.session.roi is not before, timeout=10_000)
    assert bench.session.selected is sample
    assert [layer for layer in viewer.layers if layer.visible] == of_samples(viewer)
    pane = bench.scene.planes.view.panes["axial"]
    assert "SYNTHETIC" in pane.overlay.content.badges
    (box,) = pane._boxes
    np.testing.assert_allclose(
        (np.array(box.low) + np.array(box.high)) / 2, middle(of_samples(viewer)[0]), atol=1e-6
    )


def test_a_sample_deleted_before_it_is_shown_is_not_selected(bench, qtbot):
    viewer = bench.scene.viewer
    bench.generate.count.setValue(3)
    bench.session.sample_added.connect(
        lambda sample: (
            viewer.layers.remove(viewer.layers[-1]) if sample.provenance.seed == 22 else None
        )
    )
    bench.generate.seed.set_value(20)
    bench.generate.generate()
    qtbot.waitUntil(lambda: bench.session.selected is not None, timeout=20_000)
    assert [sample.provenance.seed for sample in bench.session.samples] == [20, 21]
    assert bench.session.selected is bench.session.samples[-1]
    assert [layer.visible for layer in of_samples(viewer)] == [False, True]


def test_clicking_the_importance_layer_changes_nothing(bench, qtbot, case):
    viewer = opened(bench, qtbot, case)
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    bench.importance.shown.click()
    qtbot.waitUntil(lambda: "Importance" in viewer.layers, timeout=20_000)
    viewer.layers.selection.active = of_samples(viewer)[0]
    viewer.layers.selection.active = viewer.layers["Importance"]
    assert bench.session.selected is sample
    assert viewer.layers["Importance"].visible


def test_live_mode_replaces_what_live_mode_made_and_nothing_else(bench, qtbot):
    panel, seeds = bench.generate, lambda: [s.provenance.seed for s in bench.session.samples]
    panel.seed.set_value(69)
    panel.live.click()
    qtbot.waitUntil(lambda: seeds() == [69], timeout=20_000)
    panel.generate()  # asked for, and so to stay
    qtbot.waitUntil(lambda: seeds() == [69, 69], timeout=20_000)
    asked_for = bench.session.samples[1]
    panel.seed.set_value(70)
    qtbot.waitUntil(lambda: seeds() == [69, 70], timeout=20_000)
    assert bench.session.samples[0] is asked_for


def test_live_mode_does_not_cancel_a_run_that_was_asked_for(bench, qtbot):
    panel, seeds = bench.generate, lambda: [s.provenance.seed for s in bench.session.samples]
    panel.live.click()
    qtbot.waitUntil(lambda: len(seeds()) == 1, timeout=20_000)
    panel.count.setValue(12)
    panel.seed.set_value(30)
    panel.generate()  # before the slider has rested: the live request is forgotten
    panel.class_slider.set_value("LGG")  # and this one waits
    qtbot.waitUntil(lambda: seeds() == [*range(30, 42), 30], timeout=30_000)
    assert bench.session.samples[-1].provenance.class_name == "LGG"


def test_3d_looks_from_the_front_at_what_comes_first(bench, qtbot, case):
    from_the_front = VIEWS_3D["A"][0]
    camera = bench.scene.viewer.scene.camera
    opened(bench, qtbot, case)
    np.testing.assert_allclose(camera.view_direction, from_the_front, atol=1e-6)
    viewer = bench.scene.viewer
    assert viewer.canvas.overlays.axes.visible
    assert viewer.dims.axis_labels == ("S", "A", "R"), "arrows name what they point to"
    bench.scene.planes.look_from("L")
    opened(bench, qtbot, case)  # a side that was chosen stays
    np.testing.assert_allclose(camera.view_direction, VIEWS_3D["L"][0], atol=1e-6)


def test_both_rois_are_in_view_when_they_stand_side_by_side(bench, qtbot, tmp_path):
    opened(bench, qtbot, write_case(tmp_path / "LGG", "Brats18_CBICA_L00_1", seed=LARGE_LESION))
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    pane = bench.scene.planes.view.panes["axial"]
    narrow = pane.model.scene.camera.zoom
    bench.generate.beside.click()
    for box in pane._boxes:
        for corner in (box.low, box.high):
            x, y = pane.to_pixels(corner)
            assert 0 <= x <= pane.width()
            assert 0 <= y <= pane.height()
    assert len(pane._boxes) == 2
    assert pane.model.scene.camera.zoom <= narrow
    camera = bench.scene.viewer.scene.camera
    both = camera.zoom, camera.center
    camera.zoom, camera.center = 20 * camera.zoom, (0, 0, 0)
    bench.scene.planes.view.tools.reset_asked.emit()
    assert (camera.zoom, camera.center) == both, "Reset brings the 3D view back too"


def test_the_look_of_one_case_does_not_stay_for_the_next(bench, qtbot, case, tmp_path):
    viewer = opened(bench, qtbot, case)
    image = next(layer for layer in viewer.layers if isinstance(layer, Image))
    opacity, gamma = image.opacity, image.gamma
    image.opacity, image.gamma = 0.2, 2.0
    opened(bench, qtbot, write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3))
    image = next(layer for layer in viewer.layers if isinstance(layer, Image))
    assert (image.opacity, image.gamma) == (opacity, gamma)


def test_what_is_no_file_is_answered_with_a_sentence(bench, qtbot):
    dropped(bench.case, "https://example.org/flair.nii.gz")
    assert "no file of this computer" in bench.case.message.text
    assert not bench.case._find.is_running


def test_a_sample_does_not_replace_another_one(bench, qtbot, tmp_path):
    (first,) = generated(bench, qtbot, 7)
    qtbot.waitUntil(lambda: bench.session.selected is first, timeout=5000)
    files = bench.generate.save(tmp_path)
    before = files.image.read_bytes()
    bench.generate.decoding.temperature.setValue(3)
    (second,) = generated(bench, qtbot, 7)
    qtbot.waitUntil(lambda: bench.session.selected is second, timeout=5000)
    assert bench.generate.save(tmp_path) is None
    assert "holds something else" in bench.generate.message.text
    assert files.image.read_bytes() == before


def test_a_cache_that_cannot_be_written_names_the_preference(bench, qtbot, tmp_path, monkeypatch):
    taken = tmp_path / "file"
    taken.write_text("")
    monkeypatch.setattr(case_panel, "preferences", lambda: Preferences(cache_folder=str(taken)))
    bench.case.load_sample("HGG")
    qtbot.waitUntil(lambda: "preferences" in bench.case.message.text, timeout=20_000)


def test_a_workbench_that_comes_back_knows_what_is_open(bench, qtbot, case):
    viewer = opened(bench, qtbot, case)
    (sample,) = generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: bench.session.selected is sample, timeout=5000)
    layers = list(viewer.layers)
    viewer.window.remove_dock_widget(bench)
    bench.close()
    again = Workbench(viewer)
    viewer.window.add_dock_widget(again)
    assert again.generate.save_button.isEnabled()
    assert "LGG" in again.case.facts["Class"]
    pane = again.scene.planes.view.panes["axial"]
    assert "SYNTHETIC" in pane.overlay.content.badges
    again.session.select(again.session.roi)
    assert not of_samples(viewer)[0].visible
    opened(again, qtbot, case)
    assert len(viewer.layers) == len(layers), "the layers of the case are changed, not doubled"
    again.close()


def test_an_outline_is_drawn_without_a_warning_of_the_3d_view(bench, qtbot, case):
    viewer = opened(bench, qtbot, case)
    bench.case.segmentation.outline.click()  # warnings are errors here
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    assert labels.contour == 1
    copies = bench.scene.planes.view.panes["coronal"].model.layers
    assert [copy.contour for copy in copies if isinstance(copy, Labels)] == [1]
