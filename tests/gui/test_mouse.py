"""The mouse on the panes of a viewer, event by event as Qt sends them."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from cohort_factory import write_case
from napari_tumor_synth.widgets.planes_link import PlanesLink
from napari_tumor_synth.widgets.session import Session
from workbench_steps import opened

pytestmark = pytest.mark.gui

LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
)
NO_KEY, CONTROL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
SPACING = (3.0, 1.5, 2.0)
VOXEL = (12, 30, 8)  # bright, in a dark image
NOTCH = 120


@pytest.fixture
def link(make_napari_viewer):
    """Open the planes of an empty viewer."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    link = PlanesLink(viewer, Session(), lambda position: "")
    link.open()
    QTest.qWait(100)
    yield link
    link.close()


def an_image(**attributes):
    values = np.full((20, 40, 30), 10, np.float32)
    values[VOXEL] = 537
    return Image(values, scale=SPACING, axis_labels=("S", "A", "R"), units="mm", **attributes)


def shown(link, *layers):
    """Add layers to the viewer; return the planes, fitted."""
    for layer in layers:
        link._viewer.add_layer(layer)
    link.fit()
    link.move_to((30.0, 30.0, 30.0))
    QTest.qWait(100)  # until all have the size they will keep
    return link.view


def native(pane):
    return pane._view.canvas.native


def middle(pane):
    return QPoint(native(pane).width() // 2, native(pane).height() // 2)


def drag(pane, begin, end, button=LEFT, modifiers=NO_KEY, steps=5):
    canvas = native(pane)
    QTest.mousePress(canvas, button, modifiers, begin)
    for step in range(1, steps + 1):
        place = begin + (end - begin) * (step / steps)
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), QPointF(canvas.mapToGlobal(place)),
            Qt.MouseButton.NoButton, button, modifiers,
        )  # fmt: skip
        QApplication.sendEvent(canvas, event)
        QTest.qWait(12)  # vispy leaves out what comes within 10 ms
    QTest.mouseRelease(canvas, button, modifiers, end)


def wheel(pane, vertical, horizontal=0, modifiers=NO_KEY):
    canvas, place = native(pane), middle(pane)
    event = QWheelEvent(
        QPointF(place), QPointF(canvas.mapToGlobal(place)), QPoint(), QPoint(horizontal, vertical),
        Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    QTest.qWait(5)


def reset(pane):
    pane.activateWindow()
    native(pane).setFocus()
    QTest.qWait(20)
    QTest.keyClick(native(pane), Qt.Key.Key_R)


def double_click(pane):
    QTest.mouseClick(native(pane), LEFT, NO_KEY, middle(pane))
    QTest.mouseDClick(native(pane), LEFT, NO_KEY, middle(pane))
    QTest.qWait(100)


def cameras(view):
    return [
        (*pane.model.scene.camera.center, pane.model.scene.camera.zoom)
        for pane in view.panes.values()
    ]


def bright_spot(pane):
    """Return the pixel of the canvas where the bright voxel is."""
    picture = pane.screenshot()
    grey = picture[..., :3].astype(float).sum(-1)
    down, right = np.argwhere(grey > 0.5 * grey.max()).mean(0)
    scale = picture.shape[1] / native(pane).width()
    return QPoint(round(right / scale), round(down / scale))


def one_image(link, qtbot):
    shown(link, an_image())


def another_active(link, qtbot):
    shown(link, an_image(name="a"), Labels(np.zeros((20, 40, 30), int), units="mm", scale=SPACING))
    for pane in link.view.panes.values():
        for layer in [*pane.model.layers, None]:
            pane.model.layers.selection.active = layer


def a_second_one(link, qtbot):
    shown(link, an_image(opacity=0.5), an_image(blending="additive"))


def gone_and_back(link, qtbot):
    shown(link, an_image())
    link._viewer.layers.clear()
    panes = link.view.panes.values()
    qtbot.waitUntil(lambda: not any(pane.model.layers for pane in panes), timeout=10_000)
    shown(link, an_image())


@pytest.mark.parametrize("prepare", [one_image, another_active, a_second_one, gone_and_back])
def test_each_button_does_one_thing(link, qtbot, prepare):
    prepare(link, qtbot)
    view, image = link.view, link._viewer.layers[0]
    for pane in view.panes.values():
        link.move_to(tuple(image.data_to_world(VOXEL)))
        spot, before = bright_spot(pane), cameras(view)
        drag(pane, spot + QPoint(60, -40), spot)
        found = np.array(image.world_to_data(view.crosshair.position))
        assert tuple(found.round().astype(int)) == VOXEL, pane.plane
        for other in view.panes.values():
            across = other._across  # napari goes to the nearest slice
            point, there = other.model.dims.point[across], view.crosshair.position[across]
            assert point == pytest.approx(there, abs=SPACING[across] / 2)
        limits, here = tuple(image.contrast_limits), view.crosshair.position
        drag(pane, spot, spot + QPoint(50, 30), RIGHT)
        wheel(pane, NOTCH)
        assert view.crosshair.position[pane._across] == here[pane._across] + SPACING[pane._across]
        assert view.crosshair.position[pane._vertical] == here[pane._vertical]
        top = link._viewer.layers[-1]
        windowed = top if isinstance(top, Image) else image
        assert tuple(windowed.contrast_limits) != limits
        assert cameras(view) == before, "neither moved nor enlarged"


@pytest.mark.parametrize(("button", "key"), [(MIDDLE, NO_KEY), (LEFT, SHIFT)])
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_a_drag_of_the_picture_takes_it_along(link, button, key, convention):
    view = shown(link, an_image())
    view.set_convention(convention)
    for pane in view.panes.values():
        here = view.crosshair.position
        before, zoom = np.array(pane.to_pixels(here)), pane.model.scene.camera.zoom
        drag(pane, middle(pane), middle(pane) + QPoint(40, -20), button, key)
        np.testing.assert_allclose(pane.to_pixels(here) - before, (40, -20), atol=1e-6)
        assert pane.model.scene.camera.zoom == zoom
        assert view.crosshair.position == here


def test_the_wheel_with_control_zooms_all_panes_alike(link):
    view = shown(link, an_image())
    here, before = view.crosshair.position, [zoom for *_, zoom in cameras(view)]
    wheel(view.panes["coronal"], 2 * NOTCH, modifiers=CONTROL)
    ratios = np.array([zoom for *_, zoom in cameras(view)]) / before
    np.testing.assert_allclose(ratios, 1.15**2)
    assert view.crosshair.position == here
    for _ in range(100):
        wheel(view.panes["coronal"], NOTCH, modifiers=CONTROL)
    assert max(zoom for *_, zoom in cameras(view)) <= 50.01 * max(before)


def test_a_touchpad_changes_the_slice_once_a_notch_and_never_sideways(link):
    view = shown(link, an_image())
    pane = view.panes["axial"]

    def slices(*turned, horizontal=0):
        before = view.crosshair.position[0]
        for units in turned:
            wheel(pane, units, horizontal)
        return (view.crosshair.position[0] - before) / SPACING[0]

    assert slices(0, 0, horizontal=NOTCH) == slices(0, horizontal=-NOTCH) == 0
    assert slices(*[15] * 7) == 0
    assert slices(15) == 1
    assert slices(*[-1] * NOTCH) == -1
    assert slices(100, -NOTCH) == -1, "turned back, nothing is left of before"
    assert slices(3 * NOTCH) == 3


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_the_ruler_measures_in_mm_in_its_slice(link, plane):
    view = shown(link, an_image())
    view.tools.ruler.click()
    pane, before = view.panes[plane], cameras(view)
    drag(pane, middle(pane), middle(pane) + QPoint(60, -45))
    begin, end, label = pane.overlay.content.ruler
    assert label == f"{75 / pane.model.scene.camera.zoom:.1f} mm"
    np.testing.assert_allclose(np.subtract(end, begin), (60, -45), atol=1e-6)
    assert view.crosshair.position == (30, 30, 30)
    assert cameras(view) == before
    wheel(pane, NOTCH)
    assert pane.overlay.content.ruler is None, "it lies in another slice"
    wheel(pane, -NOTCH)
    assert pane.overlay.content.ruler[2] == label
    view.tools.ruler.click()
    assert pane.overlay.content.ruler is None
    view.tools.ruler.click()
    assert pane.overlay.content.ruler is None


def test_a_length_is_that_of_the_voxels_between(link):
    image = an_image()
    image.data[12, 10, 8] = 537
    view = shown(link, image)
    link.move_to(tuple(image.data_to_world(VOXEL)))
    pane = view.panes["sagittal"]
    grey = pane.screenshot()[..., :3].astype(float).sum(-1)
    columns = np.argwhere(grey > 0.5 * grey.max())[:, 1]
    scale = grey.shape[1] / native(pane).width()
    halves = columns < columns.mean()
    left, right = (round(columns[half].mean() / scale) for half in (halves, ~halves))
    view.tools.ruler.click()
    drag(pane, QPoint(left, middle(pane).y()), QPoint(right, middle(pane).y()))
    length = float(pane.overlay.content.ruler[2].split()[0])
    assert length == pytest.approx(20 * SPACING[1], abs=1.5 / pane.model.scene.camera.zoom)


def test_a_ruler_goes_with_its_case(bench, qtbot, case, tmp_path):
    opened(bench, qtbot, case)
    view = bench.scene.planes.view
    view.tools.ruler.click()
    for pane in view.panes.values():
        drag(pane, middle(pane), middle(pane) + QPoint(30, 30))
        assert pane.overlay.content.ruler is not None
    opened(bench, qtbot, write_case(tmp_path / "HGG", "Brats18_CBICA_H00_1", seed=3))
    assert all(pane._ruler is None for pane in view.panes.values()), "nor in another slice"


def test_the_window_cannot_run_away(link):
    image = an_image()
    view = shown(link, image)
    pane = view.panes["axial"]
    came = tuple(image.contrast_limits)

    def level_of_a_pixel():
        reset(pane)
        before = sum(image.contrast_limits) / 2
        drag(pane, middle(pane), middle(pane) - QPoint(0, 1), RIGHT, steps=1)
        return sum(image.contrast_limits) / 2 - before

    first = level_of_a_pixel()
    assert first == pytest.approx((came[1] - came[0]) / 400)
    for way in (QPoint(200, 0), QPoint(0, -200), QPoint(0, 200), QPoint(-200, 0)):
        for _ in range(6):
            drag(pane, middle(pane), middle(pane) + way, RIGHT, steps=2)
        low, high = image.contrast_limits
        assert 10 - 537 <= low < high <= 2 * 537
        assert level_of_a_pixel() == pytest.approx(first)
    reset(pane)
    assert tuple(image.contrast_limits) == came
    assert tuple(image.contrast_limits_range) == came


def test_the_window_of_new_voxels_is_the_one_they_come_with(link):
    image = an_image()
    view = shown(link, image)
    pane = view.panes["axial"]
    drag(pane, QPoint(50, 50), QPoint(90, 50), RIGHT)
    image.data = image.data * 10
    image.contrast_limits_range = image.contrast_limits = (0, 5000)
    drag(pane, QPoint(50, 50), QPoint(90, 50), RIGHT)
    assert image.contrast_limits == pytest.approx([-250, 5250])
    reset(pane)
    assert tuple(image.contrast_limits) == (0, 5000)


def filled(view):
    """Return how much of each visible pane the image takes, along the tighter side."""
    low, high = view.visible_extent()
    found = []
    for pane in view.panes.values():
        if pane.isVisible():
            size = np.abs(np.subtract(pane.to_pixels(high), pane.to_pixels(low)))
            found.append(max(size / (native(pane).width(), native(pane).height())))
    return found


def test_a_pane_is_fitted_to_the_space_it_has(link):
    view = shown(link, an_image())
    for plane, pane in view.panes.items():
        double_click(pane)
        assert [name for name, one in view.panes.items() if one.isVisible()] == [plane]
        assert filled(view) == pytest.approx([0.9])
        link.fit()
        double_click(pane)
        assert filled(view) == pytest.approx([0.9] * 3)
    double_click(view.panes["axial"])
    shown(link, an_image(translate=(60, 0, 0)))
    assert filled(view) == pytest.approx([0.9])
    double_click(view.panes["axial"])
    assert filled(view) == pytest.approx([0.9] * 3)


def test_a_pane_shows_as_much_in_a_smaller_window(link, qtbot):
    view = shown(link, an_image())
    sizes = [native(pane).size() for pane in view.panes.values()]
    link._viewer.window.resize(900, 600)
    qtbot.waitUntil(lambda: [native(pane).size() for pane in view.panes.values()] != sizes)
    QTest.qWait(200)
    assert filled(view) == pytest.approx([0.9] * 3)
    wheel(view.panes["axial"], 3 * NOTCH, modifiers=CONTROL)
    drag(view.panes["axial"], QPoint(50, 50), QPoint(70, 50), MIDDLE)
    centre = view.panes["axial"].model.scene.camera.center
    link._viewer.window.resize(1400, 900)
    QTest.qWait(300)
    assert filled(view) == pytest.approx([0.9 * 1.15**3] * 3)
    assert view.panes["axial"].model.scene.camera.center == centre


def test_what_comes_into_an_empty_viewer_is_fitted(link):
    link._viewer.add_layer(an_image())
    assert filled(link.view) == pytest.approx([0.9] * 3)


def test_an_empty_pane_takes_the_mouse(link):
    for pane in link.view.panes.values():
        drag(pane, QPoint(20, 20), QPoint(40, 30))
        drag(pane, QPoint(20, 20), QPoint(40, 30), RIGHT)
        drag(pane, QPoint(20, 20), QPoint(40, 30), MIDDLE)
        wheel(pane, NOTCH)
        wheel(pane, NOTCH, modifiers=CONTROL)


def test_a_case_opens_in_a_viewer_with_layers_that_the_planes_leave_out(bench, qtbot, case):
    viewer = bench.scene.viewer
    viewer.add_image(np.ones((30, 30)), units="mm")
    viewer.add_points(np.ones((3, 2)), units="mm")
    opened(bench, qtbot, case)
    viewer.add_image(np.ones((3, 10, 30, 30)), units="mm")
    pane = bench.scene.planes.view.panes["axial"]
    before = bench.scene.planes.view.crosshair.position
    QTest.mouseClick(native(pane), LEFT, NO_KEY, middle(pane) + QPoint(20, 20))
    assert bench.scene.planes.view.crosshair.position != before
    wheel(pane, NOTCH)
    bench.scene.planes.fit()
