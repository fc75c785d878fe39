"""Two images compared in a window: which is where, on which side, and what the mouse does."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_tumor_synth.evaluation.transforms import Transform
from napari_tumor_synth.widgets.compare.compare_view import CompareView
from napari_tumor_synth.widgets.compare.pair import Pair
from napari_tumor_synth.widgets.planes.ruler import Ruler

pytestmark = pytest.mark.gui

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SIZE = 24
MIDDLE = slice(6, 18)
NO_KEY = Qt.KeyboardModifier.NoModifier
PLANES = ("axial", "coronal", "sagittal")


def phantom(value=-0.5, spot=1.0):
    """A cube with a bright corner at the patient's right, in front and above."""
    image = np.full((1, SIZE, SIZE, SIZE), -1, np.float32)
    image[0, MIDDLE, MIDDLE, MIDDLE] = value
    image[0, 14:18, 14:18, 14:18] = spot
    return image


def pair(transform=None, chosen=None, match=None, **changes):
    transform = transform or Transform()
    about = {
        "chosen": transform.apply(phantom()) if chosen is None else chosen,
        "match": phantom() if match is None else match,
        "kinds": ("SYNTHETIC", "REAL"),
        "names": ("SYNTHETIC HGG seed 1", "case (HGG, train)"),
        "sequences": ("flair",),
        "spacing_mm": 2.0,
        "transform": transform,
    }
    return Pair(**{**about, **changes})


def opened():
    """Return a view in a window of its own, its panes made."""
    view = CompareView("radiological")
    view.resize(760, 860)
    view.show()
    for _ in range(1000):
        if view.is_ready:
            break
        QTest.qWait(20)
    assert view.is_ready
    return view


@pytest.fixture(scope="module")
def kept(qapp):
    """Return one view for all tests: six canvases take seconds."""
    view = opened()
    yield view
    view.close()


@pytest.fixture
def view(kept):
    """Return the view as it is at first."""
    kept.show_pair(None)
    kept.set_convention("radiological")
    kept.set_mode("side")
    kept.tools.absolute.setChecked(False)
    kept.swipe.setValue(50)
    kept.panes.maximise(None)
    kept.reset()
    return kept


def settle():
    QTest.qWait(150)


def native(pane):
    return pane._view.canvas.native


def spot_of(pane):
    """Return where the brightest part of a pane is, from -1 (left, top) to 1."""
    picture = pane.screenshot()[..., :3].astype(float).sum(-1)
    rows, columns = np.nonzero(picture > 0.9 * picture.max())
    height, width = picture.shape
    return 2 * columns.mean() / width - 1, 2 * rows.mean() / height - 1


def at_the_spot(view):
    view.crosshair.move_to((7.0, 7.0, 7.0))
    settle()


def badges(view):
    return {key: pane.overlay.content.badges for key, pane in view.panes.panes.items()}


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_both_images_have_the_patients_sides_where_the_letters_say(view, convention):
    view.set_convention(convention)
    view.show_pair(pair())
    at_the_spot(view)
    for (column, plane), pane in view.panes.panes.items():
        x, y = spot_of(pane)
        letters = pane.overlay.content.letters
        horizontal = "A" if plane == "sagittal" else "R"
        assert (letters.left == horizontal) == (x < -0.1), (column, plane)
        assert (letters.right == horizontal) == (x > 0.1), (column, plane)
        assert y < -0.1, "anterior or superior is up"
    expected = "R" if convention == "radiological" else "L"
    assert view.panes.panes[1, "axial"].overlay.content.letters.left == expected


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_roi_keeps_the_letters_of_its_own_sides(view, convention, axis):
    """Its bright corner is still at its own right, in front and above."""
    view.set_convention(convention)
    mirrored = Transform(axis)
    view.show_pair(pair(mirrored))
    place = [7.0, 7.0, 7.0]
    place[axis] = -7.0
    view.crosshair.move_to(tuple(place))
    settle()
    for plane in PLANES:
        pane = view.panes.panes[0, plane]
        if pane._across == axis:
            continue
        x, y = spot_of(pane)
        letters = pane.overlay.content.letters
        assert (letters.left if x < 0 else letters.right) in "RA"
        assert (letters.top if y < 0 else letters.bottom) in "AS"
    real = view.panes.panes[1, "axial"].overlay.content.letters
    assert real.left == ("R" if convention == "radiological" else "L")
    assert badges(view)[0, "axial"] == ("SYNTHETIC", "mirrored")
    assert badges(view)[1, "axial"] == ("REAL",)
    view.set_mode("swipe")
    swiped = view.panes.panes[0, "axial"].overlay.content.letters
    assert swiped == real, "of the real one, as the words say"
    assert "letters are those of the REAL one" in view.words


def test_badges_go_with_what_is_shown(view):
    assert set(badges(view).values()) == {()}
    view.show_pair(pair())
    assert {badges(view)[0, plane] for plane in PLANES} == {("SYNTHETIC",)}
    assert {badges(view)[1, plane] for plane in PLANES} == {("REAL",)}
    assert [layer.name for layer in view.panes.layers] == ["SYNTHETIC"] * 3 + ["REAL"] * 3
    view.set_mode("difference")
    assert {badges(view)[0, plane] for plane in PLANES} == {("SYNTHETIC", "minus REAL")}
    assert len(view.panes.layers) == 3
    view.tools.absolute.click()
    assert badges(view)[0, "axial"] == ("SYNTHETIC", "minus REAL", "absolute")
    view.set_mode("swipe")
    assert badges(view)[0, "axial"] == ()
    assert all(line.isVisible() and line._kinds == ("SYNTHETIC", "REAL")
               for line in view.lines.values())  # fmt: skip
    view.set_mode("side")
    view.show_pair(pair(kinds=("REAL", "REAL")))
    assert {badges(view)[0, plane] for plane in PLANES} == {("REAL",)}
    view.show_pair(None)
    assert set(badges(view).values()) == {()}
    assert view.panes.layers == ()
    assert not any(line.isVisible() for line in view.lines.values())


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_the_swiped_image_is_the_chosen_one_at_the_left_of_the_screen(view, qtbot, convention):
    view.set_convention(convention)
    view.show_pair(pair(chosen=phantom(1.0), match=phantom(-0.6, -0.6)))
    view.set_mode("swipe")
    for share in (25, 75):
        view.swipe.setValue(share)
        drawn(qtbot, view)
        settle()
        for plane in PLANES:
            pane = view.panes.panes[0, plane]
            picture = pane.screenshot()[..., :3].astype(float).mean(-1)
            scale = picture.shape[1] / native(pane).width()
            line = round(view.lines[plane].x * scale)
            row = picture[picture.shape[0] // 2]
            bright = np.flatnonzero(row > 200)
            grey = np.flatnonzero((row > 20) & (row < 90))
            voxel = pane.model.scene.camera.zoom * 2 * scale
            assert bright.max() <= line + voxel, (convention, plane)
            assert grey.min() >= line - voxel, (convention, plane)
            seen = len(bright) / (len(bright) + len(grey))
            assert seen == pytest.approx(share / 100, abs=0.06)


def drag(pane, begin, end, button=LEFT, steps=4):
    canvas = native(pane)
    QTest.mousePress(canvas, button, NO_KEY, begin)
    for step in range(1, steps + 1):
        place = begin + (end - begin) * (step / steps)
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), QPointF(canvas.mapToGlobal(place)),
            Qt.MouseButton.NoButton, button, NO_KEY,
        )  # fmt: skip
        QApplication.sendEvent(canvas, event)
        QTest.qWait(12)
    QTest.mouseRelease(canvas, button, NO_KEY, end)
    settle()


def drawn(qtbot, view):
    """Wait until the line is where the slider is: it moves once a turn."""
    lines = view.lines.values()
    qtbot.waitUntil(lambda: {one._share for one in lines} == {view.swipe.value() / 100})


def test_the_line_is_dragged_and_elsewhere_the_crosshair_moves(view, qtbot):
    view.show_pair(pair())
    view.set_mode("swipe")
    settle()
    pane, line = view.panes.panes[0, "axial"], view.lines["axial"]
    here, height = view.crosshair.position, native(pane).height()
    begin = QPoint(round(line.x), height // 3)
    drag(pane, begin, begin + QPoint(30, 10))
    drawn(qtbot, view)
    assert line.x == pytest.approx(begin.x() + 30, abs=4)
    assert view.swipe.value() > 50
    assert view.crosshair.position == here
    moved = line.x
    away = QPoint(round(line.x) - 60, height // 3)
    drag(pane, away, away + QPoint(0, 20))
    assert line.x == moved
    assert view.crosshair.position != here
    drag(pane, QPoint(round(line.x), height // 3), QPoint(5, height // 3))
    assert view.swipe.value() == 0, "never beyond the tumours"


def test_no_line_takes_the_mouse_when_nothing_is_swiped(view):
    view.show_pair(pair())
    settle()
    pane = view.panes.panes[0, "axial"]
    before = view.crosshair.position
    middle = QPoint(native(pane).width() // 2, native(pane).height() // 2)
    drag(pane, middle, middle + QPoint(30, 20))
    assert view.crosshair.position != before
    other = view.panes.panes[1, "axial"]
    np.testing.assert_allclose(
        pane.overlay.content.crosshair, other.overlay.content.crosshair, atol=1.5
    )


def test_the_right_button_changes_both_windows_and_keeps_differences_symmetric(view):
    view.show_pair(pair())
    settle()
    pane = view.panes.panes[1, "coronal"]
    begin = QPoint(40, 40)
    drag(pane, begin, begin + QPoint(-40, 20), RIGHT)
    windows = {tuple(layer.contrast_limits) for layer in view.panes.layers}
    assert len(windows) == 1
    assert windows != {(-1.0, 1.0)}
    view.set_mode("difference")
    left = view.panes.panes[0, "axial"]
    drag(left, begin, begin + QPoint(-60, 0), RIGHT)
    low, high = view.panes.layers[0].contrast_limits
    assert low == -high
    assert 0.05 <= high < 1
    assert view.bar.labels[2].startswith(f"+{high:.2f}")
    left.activateWindow()
    native(left).setFocus()
    QTest.qWait(20)
    QTest.keyClick(native(left), Qt.Key.Key_R)
    assert tuple(view.panes.layers[0].contrast_limits) == (-1, 1)


def test_a_difference_is_shown_in_its_colours(view):
    chosen = phantom(0.0, 0.9)
    view.show_pair(pair(chosen=chosen, match=phantom(0.4, 0.4)))
    view.set_mode("difference")
    at_the_spot(view)
    picture = view.panes.panes[0, "axial"].screenshot()[..., :3].astype(int)
    reds = picture[..., 0] - picture[..., 2]
    assert reds.max() > 60, "orange where SYNTHETIC is brighter"
    assert reds.min() < -60, "blue where REAL is brighter"
    assert picture[2, 2].tolist() == [0, 0, 0]
    view.tools.absolute.click()
    settle()
    assert view.panes.layers[0].contrast_limits[0] == 0
    assert view.panes.layers[0].data.min() == 0


def test_keys_choose_how_images_are_shown(view):
    view.show_pair(pair())
    view.activateWindow()
    pane = view.panes.panes[0, "axial"]
    native(pane).setFocus()
    QTest.qWait(50)
    for key, mode in (
        (Qt.Key.Key_W, "swipe"),
        (Qt.Key.Key_D, "difference"),
        (Qt.Key.Key_S, "side"),
    ):
        QTest.keyClick(native(pane), key)
        assert view.mode == mode
        assert view.tools.modes[mode].isChecked()
    view.set_mode("swipe")
    view.swipe.setFocus()
    before = view.swipe.value(), view.crosshair.position
    QTest.keyClick(view.swipe, Qt.Key.Key_Right)
    assert view.swipe.value() == before[0] + 1
    assert view.crosshair.position == before[1], "the arrow was the slider's"
    native(pane).setFocus()
    QTest.keyClick(native(pane), Qt.Key.Key_Up)
    assert view.crosshair.position != before[1]


@pytest.mark.parametrize("mode", ["side", "swipe", "difference"])
def test_the_panes_fill_the_view(view, mode):
    view.show_pair(pair())
    for other in ("side", "swipe", mode):
        view.set_mode(other)
        settle()
    assert view.panes.height() > 0.8 * view.height()
    heights = {pane.height() for pane in view.panes.panes.values() if pane.isVisible()}
    assert max(heights) - min(heights) <= 2


def test_one_plane_can_have_all_the_space(view):
    view.show_pair(pair())
    settle()
    view.panes.maximise("coronal")
    visible = {key for key, pane in view.panes.panes.items() if pane.isVisible()}
    assert visible == {(0, "coronal"), (1, "coronal")}
    view.set_mode("swipe")
    visible = {key for key, pane in view.panes.panes.items() if pane.isVisible()}
    assert visible == {(0, "coronal")}
    view.panes.maximise("coronal")
    assert sum(pane.isVisible() for pane in view.panes.panes.values()) == 3


@pytest.mark.parametrize("change", ["pair", "mode"])
def test_a_ruler_goes_with_what_it_measured(view, change):
    panes = view.panes.panes
    for pane in panes.values():
        pane.show_ruler(Ruler((0, 0, 0), (0, 4, 4)))
    if change == "pair":
        view.show_pair(view.pair)
    else:
        view.set_mode("difference")
    assert all(pane._ruler is None for pane in panes.values())


def test_a_pair_of_another_grid_and_of_several_sequences(view):
    view.show_pair(pair())
    rng = np.random.default_rng(0)
    two = rng.uniform(-0.9, 1, (2, 10, 12, 14)).astype(np.float32)
    view.show_pair(pair(chosen=two, match=-two, sequences=("flair", "t1"), spacing_mm=3.0))
    assert view.tools.sequence.isVisible()
    view.tools.sequence.setCurrentIndex(1)
    assert np.array_equal(view.panes.layer((1, "axial")).data, -two[1])
    assert view.panes.layer((1, "axial")).scale.tolist() == [3, 3, 3]
    assert view.panes.layer((1, "axial")).translate.tolist() == [-13.5, -16.5, -19.5]
    view.show_pair(pair())
    assert not view.tools.sequence.isVisible()
    assert np.array_equal(view.panes.layer((1, "axial")).data, phantom()[0])


def test_real_voxels_leave_with_the_view(qapp):
    view = opened()
    view.show_pair(pair())
    lists = view.panes._lists.values()
    assert all(len(layers) == 1 for layers in lists)
    assert {layer.metadata["kind"] for layer in view.panes.layers} == {"SYNTHETIC", "REAL"}
    closed = []
    view.closed.connect(lambda: closed.append(True))
    view.close()
    assert closed == [True]
    assert all(len(layers) == 0 for layers in lists)
    assert view.pair is None
