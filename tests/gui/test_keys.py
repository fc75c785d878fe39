"""Keys and lists of the planes, in a whole window."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QCursor
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtTest import QTest

from napari_tumor_synth.widgets.planes_link import OVERLAY, PlanesLink
from napari_tumor_synth.widgets.session import Session

pytestmark = pytest.mark.gui

Key = Qt.Key
F_KEYS = (Key.Key_F1, Key.Key_F2, Key.Key_F3, Key.Key_F4, Key.Key_F5)


@pytest.fixture
def link(make_napari_viewer, qtbot):
    """Open the planes with an image and two segmentations; the window has the focus."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    link = PlanesLink(viewer, Session(), lambda position: "")
    link.open()
    values = np.random.default_rng(0).normal(200, 50, (20, 22, 24)).astype(np.float32)
    about = {"axis_labels": ("S", "A", "R"), "units": "mm", "scale": (2, 1, 1)}
    viewer.add_layer(Image(values, contrast_limits=(0, 400), name="image", **about))
    for name in ("one", "other"):
        viewer.add_layer(Labels((values > 250).astype(np.uint8), name=name, **about))
    link.fit()
    link.move_to((20.0, 10.0, 10.0))
    link.view.activateWindow()
    qtbot.waitUntil(link.view.isActiveWindow)
    yield link
    link.close()


def in_3d(link):
    return link._viewer.window._qt_viewer.canvas.native


def in_a_pane(link):
    return link.view.panes["axial"]._view.canvas.native


def press(widget, *keys):
    widget.setFocus()
    QTest.qWait(20)
    for key in keys:
        QTest.keyClick(widget, key)
    QTest.qWait(20)


@pytest.mark.parametrize("where", [in_a_pane, in_3d])
def test_keys_work_in_the_panes_and_in_3d(link, qtbot, where):
    widget, image = where(link), link._viewer.layers["image"]
    link._viewer.layers.selection.active = image  # a segmentation has an f and a b of its own
    axial = link.view.panes["axial"]
    QCursor.setPos(axial.mapToGlobal(axial.rect().center()))
    qtbot.waitUntil(axial.underMouse)
    places = []
    for key in (Key.Key_F, Key.Key_Up, Key.Key_B, Key.Key_Down):
        press(widget, key)
        places.append(link.view.crosshair.position)
    assert [place[0] for place in places] == [22, 24, 22, 20]
    seen = set()
    for number, key in enumerate(F_KEYS):
        press(widget, key)
        assert link.view.tools.presets.currentIndex() == number
        seen.add(tuple(image.contrast_limits))
    assert len(seen) == 5
    link.view._zoom(2.0)
    zoom = link.view.panes["axial"].model.scene.camera.zoom
    press(widget, Key.Key_R)
    assert tuple(image.contrast_limits) == (0, 400)
    assert link.view.panes["axial"].model.scene.camera.zoom == pytest.approx(zoom / 2)
    press(widget, Key.Key_M)
    assert link.view.tools.ruler.isChecked()
    press(widget, Key.Key_G)
    assert not any(link._viewer.layers[name].visible for name in ("one", "other"))


def test_keys_of_napari_stay_what_they_are(link):
    image, here = link._viewer.layers["image"], link.view.crosshair.position
    link._viewer.layers.selection.active = image
    press(in_3d(link), Key.Key_V)
    assert not image.visible
    assert link.view._maximised is None
    press(in_3d(link), Key.Key_V)
    press(in_3d(link), Key.Key_Left, Key.Key_Right)
    assert link.view.crosshair.position == here
    labels = link._viewer.layers["one"]
    link._viewer.layers.selection.active = labels
    press(in_3d(link), Key.Key_F)
    assert labels.mode == "fill"
    assert link.view.crosshair.position == here


def test_keys_of_the_3d_view_end_with_the_planes(link):
    viewer = link._viewer
    assert viewer.keymap
    link.close()
    assert not viewer.keymap
    press(in_3d(link), Key.Key_G, Key.Key_F)
    assert viewer.layers["one"].visible


def test_segmentations_are_hidden_or_shown_together(link):
    one, other = link._viewer.layers["one"], link._viewer.layers["other"]
    other.visible = False
    press(in_a_pane(link), Key.Key_G)
    assert (one.visible, other.visible) == (False, False)
    press(in_a_pane(link), Key.Key_G)
    assert (one.visible, other.visible) == (True, True)


def test_the_list_says_which_preset_is_shown(link):
    view, image = link.view, link._viewer.layers["image"]
    presets = view.tools.presets
    assert (presets.currentIndex(), presets.placeholderText()) == (-1, "own window")
    press(in_a_pane(link), Key.Key_F3)
    assert presets.currentText().startswith("F3")
    image.contrast_limits = (10, 300)
    assert presets.currentIndex() == -1
    press(in_a_pane(link), Key.Key_F4)
    above = Image(np.ones((20, 22, 24), np.float32), contrast_limits=(0, 1), units="mm")
    link._viewer.add_layer(above)
    assert presets.currentIndex() == -1, "nobody chose one for the image on top"
    above.visible = False
    assert presets.currentText().startswith("F4")
    above.metadata[OVERLAY] = above.visible = True
    assert presets.currentText().startswith("F4"), "an overlay has a window of its own"
    image.data = image.data + 1
    QTest.qWait(20)
    assert presets.currentIndex() == -1, "percentiles of other voxels are others"
    press(in_a_pane(link), Key.Key_F2)
    press(in_a_pane(link), Key.Key_R)
    assert presets.currentIndex() == -1
    link._viewer.layers.clear()
    press(in_a_pane(link), Key.Key_F2)
    assert presets.currentIndex() == -1


def test_arrows_choose_in_the_lists_of_the_tool_bar(link):
    view, image = link.view, link._viewer.layers["image"]
    here, presets = view.crosshair.position, view.tools.presets
    press(in_a_pane(link), Key.Key_F1)
    press(presets, Key.Key_Down, Key.Key_Down)
    assert presets.currentText().startswith("F3")
    assert image.contrast_limits != [0, 400]
    press(presets, Key.Key_Up)
    assert presets.currentText().startswith("F2")
    press(view.tools.convention, Key.Key_Down)
    assert view.tools.convention.currentText() == "neurological"
    assert view.crosshair.position == here
    presets.showPopup()
    QTest.qWait(50)
    QTest.keyClick(presets.view(), Key.Key_Down)
    QTest.keyClick(presets.view(), Key.Key_Return)
    QTest.qWait(50)
    assert presets.currentText().startswith("F3")
    assert view.crosshair.position == here


def test_the_reset_button_is_the_key(link):
    image = link._viewer.layers["image"]
    press(in_a_pane(link), Key.Key_F4)
    link.view.tools.reset_asked.emit()
    assert tuple(image.contrast_limits) == (0, 400)


def test_the_3d_view_is_found(link):
    middle = link._viewer.window._qt_window.centralWidget()
    assert middle.findChild(QOpenGLWidget) is in_3d(link)
