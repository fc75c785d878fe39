"""The Compare panel in the workbench: what it lists is always of what is selected now."""

import json
import shutil
import threading

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.layers import Image
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QScrollBar,
)
from shared.made_up_cohort import write_cache
from superqt import QCollapsible

import ssim_blobs
from cohort_factory import write_case
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_manifest import MANIFEST, VOLUMES
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.imaging.region import Roi
from napari_tumor_synth.widgets import jobs
from napari_tumor_synth.widgets.compare import look_up_job
from napari_tumor_synth.widgets.compare.compare_dock import NAME
from napari_tumor_synth.widgets.compare.look_up import find
from napari_tumor_synth.widgets.layer_data import roi_layer
from napari_tumor_synth.widgets.preferences import preferences
from napari_tumor_synth.widgets.reader import get_reader
from napari_tumor_synth.widgets.workbench import Workbench
from napari_tumor_synth.widgets.writer import write_layer
from napari_tumor_synth.workflows import gallery as workflow
from workbench_steps import dropped, generated, opened

pytestmark = pytest.mark.gui

SIZE, SPACING = 16, 4.0  # of what the tiny model generates
CASES = 4
STEP = "4  Compare"
LEFT = Qt.MouseButton.LeftButton


def tumours(count, seed=0):
    rng = np.random.default_rng(seed)
    return [ssim_blobs.tumour(rng, SIZE, 1.2) for _ in range(count)]


def cohort_in(folder, count=CASES, **changes):
    about = {"sequences": ("flair",), "spacing_mm": SPACING}
    return write_cache(folder, tumours(count), **{**about, **changes})


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    return build_gallery(cohort_in(folder / "cohort"), folder / "gallery")


@pytest.fixture(autouse=True)
def no_gallery_of_the_user():
    """Leave no gallery in the preferences, and take none from there."""
    storage = get_plugin_settings("napari-tumor-synth").storage
    storage.gallery_folder = ""
    yield storage
    storage.gallery_folder = ""


@pytest.fixture
def panel(bench, qtbot):
    """Return the unfolded panel of a workbench."""
    bench.window().resize(1400, 900)
    bench.show_step(STEP)
    panel = bench.compare
    yield panel
    for job in (panel.look_up.job, panel.pairing.job, panel.form.job, panel.choice.job):
        qtbot.waitUntil(lambda job=job: not job.is_running, timeout=60_000)


@pytest.fixture
def ready(panel, qtbot, gallery):
    """Return the panel with a gallery open."""
    return with_gallery(panel, qtbot, gallery.folder)


def with_gallery(panel, qtbot, folder):
    panel.open_gallery(folder)
    qtbot.waitUntil(lambda: panel.choice.gallery is not None, timeout=20_000)
    return panel


def found(panel, qtbot):
    qtbot.waitUntil(lambda: panel.found is not None, timeout=30_000)
    assert panel.found.query is panel.chosen.query
    return panel.found


def sample_layer(bench, sample):
    return bench.scene.layer_of(sample)


def compared(panel, qtbot, row=0):
    """Click a row as a user does; wait until both are shown."""
    item = panel.matches.item(row)
    place = panel.matches.visualItemRect(item).center()
    QTest.mouseClick(panel.matches.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)
    qtbot.waitUntil(
        lambda: panel.dock.view is not None and panel.dock.view.is_ready, timeout=30_000
    )
    qtbot.waitUntil(lambda: panel.dock.view.pair is not None, timeout=20_000)
    return panel.dock.view


def test_the_nearest_of_a_sample_are_listed_with_their_figures(bench, qtbot, ready, gallery):
    (sample,) = generated(bench, qtbot, 5)
    result = found(ready, qtbot)
    expected = find_nearest(gallery, sample.roi.image, 5)
    assert [one.match.score for one in result.listed] == [m.score for m in expected.matches]
    assert ready.matches.count() == CASES
    assert ready.matches.isVisible()
    for row, match in enumerate(expected.matches):
        text = ready.matches.item(row).text()
        assert match.entry.name in text
        assert f"foreground {match.score.foreground:.3f}" in text
        assert not ready.matches.item(row).icon().isNull()
    assert "Not calibrated" in ready.headline.text()
    assert "4 patients" in ready.verdict.text()
    assert "uniform window of 7 voxels" in ready.definition.text()
    assert ready.about.text() == sample_layer(bench, sample).name
    assert ready.about.text().startswith("SYNTHETIC")


def test_a_folded_panel_looks_nothing_up_and_an_unfolded_one_does_at_once(
    bench, qtbot, ready, monkeypatch
):
    bench.show_step("3  Generate")
    generated(bench, qtbot, 5)
    qtbot.wait(100)
    assert not ready.look_up.job.is_running
    assert ready.found is None
    bench.show_step(STEP)
    found(ready, qtbot)


def test_a_click_shows_both_and_the_real_one_never_enters_the_layers(bench, qtbot, ready):
    (sample,) = generated(bench, qtbot, 5)
    result = found(ready, qtbot)
    before = list(bench.scene.viewer.layers)
    view = compared(ready, qtbot, 1)
    match = result.listed[1].match
    assert np.array_equal(view.pair.match, result.gallery.image(match.index))
    assert np.array_equal(view.pair.chosen, sample.roi.image)
    assert view.pair.kinds == ("SYNTHETIC", "REAL")
    assert list(bench.scene.viewer.layers) == before
    assert ready.matches.currentRow() == 1
    lists = list(view.panes._lists.values())
    closed = ready.dock
    view.tools.close_button.click()
    qtbot.waitUntil(lambda: closed.view is None, timeout=10_000)
    assert all(len(layers) == 0 for layers in lists)
    assert ready.matches.currentRow() == -1
    assert NAME not in bench.scene.viewer.window.dock_widgets
    assert ready.found is result, "the list stays"


def test_no_case_name_goes_into_what_is_saved_with_a_sample(bench, qtbot, ready, tmp_path):
    (sample,) = generated(bench, qtbot, 5)
    names = {one.match.entry.name for one in found(ready, qtbot).listed}
    compared(ready, qtbot)
    layer = sample_layer(bench, sample)
    assert layer.metadata["synthetic"] is True
    about = repr(layer.metadata) + layer.name + repr(sample.provenance)
    files = bench.generate.save(tmp_path / "saved")
    write_layer(str(tmp_path / "layer.nrrd"), *layer.as_layer_data_tuple()[:2])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert files is not None
    for name in names:
        assert name not in about
        assert name.encode() not in written


def test_the_keyboard_chooses_a_match(bench, qtbot, ready):
    generated(bench, qtbot, 5)
    result = found(ready, qtbot)
    ready.matches.setFocus()
    QTest.keyClick(ready.matches, Qt.Key.Key_Down)
    assert ready.dock.view is None, "arrows open nothing"
    ready.matches.setCurrentRow(0)
    QTest.keyClick(ready.matches, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ready.dock.view is not None and ready.dock.view.pair is not None)
    first = ready.dock.view.pair
    assert first.names[1].startswith(result.listed[0].match.entry.name)
    QTest.keyClick(ready.matches, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: ready.dock.view.pair is not first, timeout=10_000)
    assert ready.dock.view.pair.names[1].startswith(result.listed[1].match.entry.name)


# stale ------------------------------------------------------------------------------------------


def nothing_is_shown(panel):
    view = panel.dock.view
    return panel.matches.count() == 0 and (view is None or not view.panes.layers)


def test_another_sample_takes_all_that_was_shown_away_at_once(bench, qtbot, ready):
    first, second = generated(bench, qtbot, 5, count=2)
    qtbot.waitUntil(lambda: bench.session.selected is second, timeout=10_000)
    found(ready, qtbot)
    compared(ready, qtbot)
    bench.session.select(first)
    qtbot.waitUntil(lambda: ready.found is None, timeout=5000)
    assert nothing_is_shown(ready)
    assert found(ready, qtbot).query.name == sample_layer(bench, first).name
    assert nothing_is_shown(ready) is False
    assert ready.dock.view.pair is None, "the comparison waits for a choice"


def test_a_removed_layer_takes_its_results_with_it(bench, qtbot, ready):
    (sample,) = generated(bench, qtbot, 5)
    found(ready, qtbot)
    compared(ready, qtbot)
    bench.scene.viewer.layers.remove(sample_layer(bench, sample))
    qtbot.waitUntil(lambda: ready.chosen.query is None, timeout=5000)
    assert nothing_is_shown(ready)
    assert ready.found is None
    assert "Select" in ready.about.text()


@pytest.mark.parametrize("how", ["data", "in place", "grid"])
def test_an_edited_layer_is_looked_up_again(bench, qtbot, ready, how):
    (sample,) = generated(bench, qtbot, 5)
    before = found(ready, qtbot)
    layer = sample_layer(bench, sample)
    if how == "data":
        layer.data = tumours(1, seed=9)[0]
    elif how == "in place":
        layer.data[6:10, 6:10, 6:10] = 0.123
        layer.refresh()
    else:
        layer.data, layer.scale = tumours(1, seed=9)[0], (2.0,) * 3
    qtbot.waitUntil(lambda: ready.found is not before, timeout=5000)
    if how == "grid":
        qtbot.waitUntil(lambda: "voxels of 2 mm" in ready.message.text, timeout=20_000)
        assert nothing_is_shown(ready)
        return
    after = found(ready, qtbot)
    assert np.array_equal(after.query.roi.image[0], layer.data)
    assert after.query.kind == "SYNTHETIC"
    assert after.listed[0].match.score != before.listed[0].match.score


def test_a_result_that_comes_too_late_is_not_shown(bench, qtbot, ready, monkeypatch):
    first, second = generated(bench, qtbot, 5, count=2)
    qtbot.waitUntil(lambda: bench.session.selected is second, timeout=10_000)
    found(ready, qtbot)
    go_on, asked, shown = threading.Event(), [], []

    def slowly(query, gallery, **how):
        asked.append(query)
        assert go_on.wait(20)
        return find(query, gallery, **how)

    monkeypatch.setattr(look_up_job, "find", slowly)
    show = ready.matches.show_found
    monkeypatch.setattr(
        ready.matches, "show_found", lambda one, side: (shown.append(one), show(one, side))
    )
    bench.session.select(first)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=10_000)
    bench.session.select(second)
    qtbot.waitUntil(lambda: ready.chosen.query is not asked[0], timeout=10_000)
    assert ready.state.isVisible()
    go_on.set()
    result = found(ready, qtbot)
    assert result.query.name == sample_layer(bench, second).name
    assert all(one is None or one is result for one in shown)


def test_ticking_transforms_looks_up_again_and_finds_a_mirrored_copy(bench, qtbot, ready, gallery):
    mirrored = gallery.image(2)[0, :, :, ::-1].copy()
    about = {"axis_labels": ("S", "A", "R"), "scale": (SPACING,) * 3, "name": "mirrored"}
    bench.scene.viewer.add_layer(Image(mirrored, **about))
    before = found(ready, qtbot)
    assert before.listed[0].match.score.foreground < 0.9
    ready.transforms.click()
    qtbot.waitUntil(lambda: ready.found is not None and ready.found.transforms, timeout=60_000)
    first = ready.found.listed[0].match
    assert first.index == 2
    assert first.score.foreground == pytest.approx(1, abs=1e-5)
    assert "mirrored left to right" in ready.matches.item(0).text()
    view = compared(ready, qtbot)
    np.testing.assert_allclose(view.pair.chosen, view.pair.match, atol=1e-6)
    assert "mirrored left to right" in view.words
    view.set_mode("difference")
    assert np.abs(view.panes.layers[0].data).max() < 1e-6


def test_a_long_look_up_says_how_far_it_is_and_can_be_stopped(bench, qtbot, ready, monkeypatch):
    monkeypatch.setattr(jobs, "_QUIET_SECONDS", 0)
    monkeypatch.setattr(jobs, "_SECONDS_BETWEEN_REPORTS", 0)
    go_on, steps, said, ended = threading.Event(), [], [], []

    def held(query, gallery, *, transforms, on_progress):
        def told(progress):
            on_progress(progress)
            steps.append(progress)
            if transforms:
                assert go_on.wait(20)

        return find(query, gallery, transforms=transforms, on_progress=told)

    monkeypatch.setattr(look_up_job, "find", held)
    ready.look_up.said.connect(said.append)
    ready.look_up.job.cancelled.connect(lambda: ended.append("cancelled"))
    generated(bench, qtbot, 5)
    plain = found(ready, qtbot)
    ready.transforms.click()
    qtbot.waitUntil(lambda: bool(steps) and "turned" in said[-1], timeout=20_000)
    assert said[-1].endswith("… 25%")  # one of four
    assert ready.state.text() == said[-1]
    assert ready.state.isVisible()
    ready.transforms.click()
    go_on.set()
    again = found(ready, qtbot)
    assert ended == ["cancelled"]
    assert len(steps) == 1  # nothing of the rest was waited for
    assert again.query is plain.query
    assert not again.transforms
    assert not ready.state.isVisible()


def test_an_error_of_another_roi_is_not_told(bench, qtbot, ready, monkeypatch):
    first, second = generated(bench, qtbot, 5, count=2)
    qtbot.waitUntil(lambda: bench.session.selected is second, timeout=10_000)
    found(ready, qtbot)
    go_on, asked = threading.Event(), []

    def failing(query, gallery, **how):
        asked.append(query)
        if len(asked) == 1:
            assert go_on.wait(20)
            raise InputError("Of the first.", "Nothing.")
        return find(query, gallery, **how)

    monkeypatch.setattr(look_up_job, "find", failing)
    bench.session.select(first)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=10_000)
    bench.session.select(second)
    qtbot.waitUntil(lambda: ready.chosen.query is not asked[0], timeout=10_000)
    go_on.set()
    found(ready, qtbot)
    assert ready.message.text == ""


def test_what_failed_is_tried_again_when_the_panel_is_unfolded(bench, qtbot, ready, monkeypatch):
    def failing(query, gallery, **how):
        raise InputError("Not now.", "Try again.")

    monkeypatch.setattr(look_up_job, "find", failing)
    generated(bench, qtbot, 5)
    qtbot.waitUntil(lambda: "Not now" in ready.message.text, timeout=10_000)
    ready.form.said.emit("Noted.")  # of a gallery, which has a place of its own
    assert "Not now" in ready.message.text
    monkeypatch.setattr(look_up_job, "find", find)
    ready.set_unfolded(False)
    ready.set_unfolded(True)
    found(ready, qtbot)
    assert ready.message.text == ""


def test_a_gallery_that_was_built_again_is_opened_again(bench, qtbot, panel, tmp_path):
    folder = build_gallery(cohort_in(tmp_path / "c"), tmp_path / "g").folder
    with_gallery(panel, qtbot, folder)
    first, _ = generated(bench, qtbot, 5, count=2)
    before = found(panel, qtbot)
    assert len(before.gallery) == CASES
    shutil.rmtree(tmp_path / "c")
    build_gallery(cohort_in(tmp_path / "c", CASES + 1), folder)
    bench.session.select(first)
    qtbot.waitUntil(
        lambda: panel.found is not None and panel.found.query is panel.chosen.query
        and len(panel.found.gallery) == CASES + 1,
        timeout=30_000,
    )  # fmt: skip
    assert not panel.choice.gallery.has_changed


def test_a_pair_that_cannot_be_shown_leaves_the_one_that_is(bench, qtbot, panel, tmp_path):
    folder = build_gallery(cohort_in(tmp_path / "c"), tmp_path / "g").folder
    with_gallery(panel, qtbot, folder)
    generated(bench, qtbot, 5)
    listed = found(panel, qtbot).listed
    view = compared(panel, qtbot)
    shown = view.pair
    victim = folder / VOLUMES / listed[1].match.entry.file
    victim.write_bytes(victim.read_bytes()[:-8])
    panel.compare(listed[1])
    qtbot.waitUntil(lambda: panel.message.text != "", timeout=10_000)
    assert view.pair is shown
    assert panel.matches.currentRow() == 0
    panel.compare(listed[2])
    qtbot.waitUntil(lambda: view.pair is not shown, timeout=10_000)
    assert panel.message.text == ""


def test_a_gallery_is_opened_by_dropping_its_folder(panel, qtbot, gallery):
    dropped(panel.choice, gallery.folder.as_uri())
    qtbot.waitUntil(lambda: panel.choice.gallery is not None, timeout=20_000)
    assert panel.choice.gallery.folder == gallery.folder


# what is chosen ----------------------------------------------------------------------------------


def test_the_roi_of_the_case_is_real_and_its_grid_must_fit(bench, qtbot, ready, case):
    opened(bench, qtbot, case)
    qtbot.waitUntil(lambda: ready.chosen.query is not None, timeout=10_000)
    assert ready.about.text().startswith("REAL: ")
    qtbot.waitUntil(lambda: "64 x 64 x 64" in ready.message.text, timeout=20_000)
    assert "16 x 16 x 16 voxels of 4 mm" in ready.message.text
    assert "tumor-synth gallery" not in ready.message.text
    assert ready.matches.count() == 0
    assert not ready.headline.isVisible()
    generated(bench, qtbot, 5)
    assert found(ready, qtbot).query.kind == "SYNTHETIC"
    assert ready.message.text == ""


def test_saved_rois_can_be_opened_and_looked_up(bench, qtbot, ready, tmp_path, gallery):
    (sample,) = generated(bench, qtbot, 5)
    first = found(ready, qtbot)
    files = bench.generate.save(tmp_path / "saved")
    real = tmp_path / "real.nii.gz"
    image, settings = gallery.image(1), first.query.roi.settings
    made = Roi(image, image[0] > -1, np.diag([SPACING] * 3 + [1.0]), ("flair",), settings)
    write_layer(str(real), *roi_layer(made, DisplayFrame(np.eye(3)), "real")[:2])
    for path, kind in ((files.image, "SYNTHETIC"), (real, "OPENED")):
        for data in get_reader(path)(path):
            bench.scene.viewer.add_layer(Image(data[0], **data[1]))
        qtbot.waitUntil(
            lambda: (
                ready.found is not None
                and ready.found.query.name == bench.scene.viewer.layers[-1].name
            ),
            timeout=30_000,
        )
        assert ready.found.query.kind == kind
    assert ready.found.listed[0].match.index == 1
    assert ready.found.listed[0].match.score.foreground == pytest.approx(1, abs=1e-5)
    assert "does not say whether this ROI is synthetic" in ready.verdict.text()
    view = compared(ready, qtbot)
    assert view.pair.kinds == ("OPENED", "REAL")
    panes = view.panes.panes.values()
    assert not any("SYNTHETIC" in pane.overlay.content.badges for pane in panes)
    bench.scene.viewer.layers.selection.active = sample_layer(bench, sample)
    qtbot.waitUntil(lambda: ready.chosen.query.kind == "SYNTHETIC", timeout=10_000)


def test_a_layer_that_is_no_roi_is_told_in_a_sentence(bench, qtbot, ready):
    generated(bench, qtbot, 5)
    found(ready, qtbot)
    bench.scene.viewer.add_image(np.random.default_rng(0).uniform(0, 500, (9, 9, 9)), name="brain")
    qtbot.waitUntil(lambda: ready.found is None, timeout=5000)
    assert "brain does not say where the patient's sides are" in ready.about.text()
    assert nothing_is_shown(ready)
    bench.scene.viewer.layers.remove("brain")
    found(ready, qtbot)


# galleries ----------------------------------------------------------------------------------------


def damage_manifest(folder):
    found = json.loads((folder / MANIFEST).read_text())
    del found["entries"][0]["patient"]
    (folder / MANIFEST).write_text(json.dumps(found))


def damage_volume(folder):
    path = next((folder / VOLUMES).iterdir())
    path.write_bytes(path.read_bytes()[:100])


def remove_scores(folder):
    (folder / "real_to_real.npz").unlink()


def newer(folder):
    found = json.loads((folder / MANIFEST).read_text())
    found["plan"]["format"] = 99
    (folder / MANIFEST).write_text(json.dumps(found))


def older(folder):
    found = json.loads((folder / MANIFEST).read_text())
    found["plan"]["format"] = 1
    (folder / MANIFEST).write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (older, "earlier version"),
        (damage_manifest, "damaged"),
        (damage_volume, "damaged"),
        (remove_scores, "missing or damaged"),
        (newer, "newer version"),
        (None, "no finished gallery"),
    ],
)
def test_a_gallery_that_cannot_be_opened_leaves_the_one_that_is_there(
    panel, qtbot, gallery, tmp_path, harm, words
):
    folder = tmp_path / "other"
    folder.mkdir()
    if harm is not None:
        build_gallery(cohort_in(tmp_path / "c", 2), folder)
        harm(folder)
    with_gallery(panel, qtbot, gallery.folder)
    facts = panel.choice.facts
    panel.choice.text.setText(str(folder))
    QTest.keyClick(panel.choice.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: words in panel.about_gallery.text, timeout=20_000)
    assert "tumor-synth gallery" not in panel.about_gallery.text
    assert panel.choice.gallery.folder == gallery.folder
    assert panel.choice.facts == facts
    assert panel.choice.text.text() == str(gallery.folder)
    assert preferences().gallery_folder == str(gallery.folder)


def test_the_gallery_is_remembered_and_opened_when_the_panel_is_seen(
    make_napari_viewer, qtbot, gallery, no_gallery_of_the_user
):
    no_gallery_of_the_user.gallery_folder = str(gallery.folder)
    viewer = make_napari_viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
    qtbot.wait(100)
    assert bench.compare.choice.gallery is None, "not before it is needed"
    assert not bench.compare.choice.job.is_running
    bench.show_step(STEP)
    qtbot.waitUntil(lambda: bench.compare.choice.gallery is not None, timeout=20_000)
    assert "Patient data: 4 real ROIs of 4 patients" in bench.compare.choice.facts
    bench.close()


def test_a_build_can_be_stopped_and_goes_on(panel, qtbot, tmp_path, monkeypatch):
    cohort_in(tmp_path / "cohort", 6)
    out, reached, go_on = tmp_path / "out", threading.Event(), threading.Event()
    report = jobs._Run._on_progress

    def held(run, progress):
        if progress.step == 3:
            reached.set()
            assert go_on.wait(20)
        report(run, progress)

    monkeypatch.setattr(jobs._Run, "_on_progress", held)
    form = panel.form
    panel.building.expand(animate=False)
    form.run.button.click()
    assert "No cohort is chosen" in panel.about_gallery.text
    form.data.set_value(tmp_path / "cohort")
    assert form.is_prepared
    assert not form.size_choice.isEnabled()
    form.run.button.click()
    assert "No folder for the gallery is chosen" in panel.about_gallery.text
    form.out.setText(str(out))
    form.run.button.click()
    qtbot.waitUntil(reached.is_set, timeout=20_000)
    assert form.run.button.text() == "Cancel"
    QTest.mouseClick(form.run.button, LEFT)
    go_on.set()
    qtbot.waitUntil(lambda: not form.job.is_running, timeout=20_000)
    assert "goes on where it was" in panel.about_gallery.text
    assert not (out / MANIFEST).exists()
    assert panel.choice.gallery is None
    kept = {path: path.stat().st_mtime_ns for path in (out / VOLUMES).iterdir()}
    assert len(kept) >= 3
    QTest.mouseClick(form.run.button, LEFT)
    qtbot.waitUntil(lambda: panel.choice.gallery is not None, timeout=30_000)
    assert len(panel.choice.gallery) == 6
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert "PATIENT DATA" in (out / "README.txt").read_text()


def test_a_folder_of_another_gallery_is_refused_whole(panel, qtbot, gallery, tmp_path):
    cohort_in(tmp_path / "cohort", 2, spacing_mm=2.0)
    before = (gallery.folder / MANIFEST).read_bytes()
    panel.form.data.set_value(tmp_path / "cohort")
    panel.form.out.setText(str(gallery.folder))
    panel.form.build()
    qtbot.waitUntil(lambda: "other settings" in panel.about_gallery.text, timeout=20_000)
    assert "Choose another folder" in panel.about_gallery.text
    assert (gallery.folder / MANIFEST).read_bytes() == before


def test_cases_are_cut_as_the_form_says(panel, qtbot, tmp_path, monkeypatch):
    asked = {}

    def noted(cohort, out, **more):
        asked.update(more)
        raise InputError("Noted.", "")

    monkeypatch.setattr(workflow, "build_gallery_of", noted)
    write_case(tmp_path / "cases" / "LGG", "Brats18_CBICA_L00_1")
    panel.form.suggest(64, 2.0, "t1ce")
    panel.form.data.set_value(tmp_path / "cases")
    panel.form.suggest(128, 1.0, "flair")
    panel.form.out.setText(str(tmp_path / "out"))
    panel.form.transforms.click()
    panel.form.build()
    qtbot.waitUntil(lambda: "Noted." in panel.about_gallery.text, timeout=10_000)
    assert asked["settings"].size == (64, 64, 64)
    assert asked["settings"].spacing_mm == 2.0
    assert asked["sequences"] == ("t1ce",)
    assert asked["transforms"] is True


# the window ---------------------------------------------------------------------------------------


def test_another_convention_reaches_thumbnails_and_comparison(bench, qtbot, ready):
    generated(bench, qtbot, 5)
    found(ready, qtbot)
    view = compared(ready, qtbot)

    def picture():
        shown = ready.matches.item(0).icon().pixmap(60).toImage()
        pixels = range(60)
        return np.array([[shown.pixelColor(x, y).lightness() for x in pixels] for y in pixels])

    before = picture()
    bench.scene.planes.view.tools.convention.setCurrentText("neurological")
    assert np.abs(picture() - before[:, ::-1]).mean() < 3 < np.abs(picture() - before).mean()
    for column in (0, 1):
        assert view.panes.panes[column, "axial"].overlay.content.letters.left == "L"
    assert view.panes.panes[0, "sagittal"].overlay.content.letters.left == "A"


def controls_of(root):
    """Return all controls in a widget, without the parts of which Qt makes them."""
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QListWidget)
    parts = (QAbstractSpinBox, QComboBox, QListWidget, QCollapsible)
    found = {one for kind in kinds for one in root.findChildren(kind)}
    return [
        one
        for one in found
        if not isinstance(one, QScrollBar)
        and not isinstance(one.parent(), parts)
        and not one.objectName().startswith("qt_")
    ]


def test_every_control_says_what_it_does_and_has_a_name(bench, qtbot, ready):
    generated(bench, qtbot, 5)
    found(ready, qtbot)
    view = compared(ready, qtbot)
    controls = [*controls_of(ready), *controls_of(view.tools), view.swipe]
    assert len(controls) > 20
    for control in controls:
        assert control.toolTip(), control
        words = getattr(control, "text", lambda: "")().strip(" …?.")
        assert control.accessibleName() or words, control
    for figures in (ready.matches, *(ready.matches.item(row) for row in range(CASES))):
        assert figures.toolTip()


def test_everything_goes_with_the_workbench(bench, qtbot, ready):
    generated(bench, qtbot, 5)
    found(ready, qtbot)
    view = compared(ready, qtbot)
    lists = list(view.panes._lists.values())
    window = bench.scene.viewer.window
    window.remove_dock_widget(bench)
    qtbot.waitUntil(lambda: ready.dock.view is None, timeout=10_000)
    assert all(len(layers) == 0 for layers in lists)
    assert NAME not in window.dock_widgets


def test_the_panel_is_a_widget_of_its_own(make_napari_viewer, qtbot, gallery):
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-tumor-synth", "Compare")
    with_gallery(widget.panel, qtbot, gallery.folder)
    about = {"axis_labels": ("S", "A", "R"), "scale": (SPACING,) * 3, "name": "one"}
    viewer.add_layer(Image(gallery.image(0)[0], **about))
    assert found(widget.panel, qtbot).listed[0].match.index == 0
    compared(widget.panel, qtbot)
    widget.close()
    assert widget.panel.dock.view is None
