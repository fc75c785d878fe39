"""The sides of the patient on the screen, and the mouse and keys of the planes."""

import gc

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.components import LayerList
from napari.layers import Image, Labels, Layer, Points
from qtpy.QtCore import Qt

from napari_tumor_synth.widgets.planes.anatomy import CAMERA_3D, VIEWS_3D, position_text
from napari_tumor_synth.widgets.planes.keys import SHORTCUTS, help_text
from napari_tumor_synth.widgets.planes.planes_view import PlanesView
from napari_tumor_synth.widgets.reader import read_layers

pytestmark = pytest.mark.gui

SOURCES = ("RAS", "LPS", "LAS", "PIR", "ASL", "oblique")
SIDES = {
    # where the lesion, right anterior superior, is seen: right or left, above or below
    "axial": ("left", "above"),
    "coronal": ("left", "above"),
    "sagittal": ("left", "above"),
    "A": ("left", "above"),
    "P": ("right", "above"),
    "L": ("left", "above"),
    "R": ("right", "above"),
    "S": ("right", "above"),
    "I": ("left", "above"),
}


def head(path, source):
    """Save a grey head with a bright lesion in the patient's right, anterior, superior part."""
    grid = np.indices((40, 48, 44)).transpose(1, 2, 3, 0) - (19.5, 23.5, 21.5)
    values = np.where(((grid / (18, 22, 20)) ** 2).sum(-1) < 1, 100, 0)
    values[(((grid - (8, 11, 9)) / 5) ** 2).sum(-1) < 1] = 500
    values += np.where(values > 0, np.random.default_rng(0).integers(0, 40, values.shape), 0)
    affine = nib.affines.from_matvec(np.diag([1.5, 1.25, 2.0]), [-30, -30, -40])
    if source == "oblique":
        turn = nib.eulerangles.euler2mat(z=np.radians(15), x=np.radians(8))
        affine = nib.affines.from_matvec(turn) @ affine
    image = nib.Nifti1Image(values.astype(np.int16), affine)
    if source != "oblique":
        there = nib.orientations.axcodes2ornt(source)
        ras = nib.orientations.axcodes2ornt("RAS")
        image = image.as_reoriented(nib.orientations.ornt_transform(ras, there))
    nib.save(image, path)
    return path


def where_the_lesion_is(picture):
    """Return on which side of the head the lesion is seen."""
    grey = picture[..., :3].astype(float).sum(-1)
    lesion, body = np.argwhere(grey > 0.8 * grey.max()), np.argwhere(grey > 0.1 * grey.max())
    down, right = lesion.mean(0) - body.mean(0)
    assert min(abs(down), abs(right)) > 2, "the lesion must not be in the middle"
    return "right" if right > 0 else "left", "below" if down > 0 else "above"


@pytest.fixture
def planes(qtbot):
    """Return a function that shows layers in the planes."""
    made = []

    def show(*layers):
        view = PlanesView(LayerList(layers))
        view.resize(700, 700)
        with qtbot.waitExposed(view):
            view.show()
        view.fit()
        made.append(view)
        return view

    yield show
    for view in made:
        view.close()
        view.deleteLater()
    made.clear()
    qtbot.wait(50)
    gc.collect()


def a_layer(**attributes):
    values = np.zeros((20, 22, 24), np.float32)
    values[5:15, 5:15, 5:15] = 1
    return Image(values, axis_labels=("S", "A", "R"), scale=(2, 1, 1), **attributes)


@pytest.mark.parametrize("source", SOURCES)
def test_no_plane_is_mirrored(planes, tmp_path, source):
    (data,) = read_layers(head(tmp_path / "head.nii.gz", source))
    layer = Layer.create(*data)
    view = planes(layer)
    lesion = np.argwhere(layer.data > 300).mean(0)
    view.crosshair.move_to(tuple(layer.data_to_world(lesion)))
    for plane, pane in view.panes.items():
        assert where_the_lesion_is(pane.screenshot()) == SIDES[plane], (source, plane)
    view.set_convention("neurological")
    for plane, pane in view.panes.items():
        side = "left" if plane == "sagittal" else "right"
        assert where_the_lesion_is(pane.screenshot()) == (side, "above"), (source, plane)


def test_the_3d_view_is_not_mirrored_from_any_side(make_napari_viewer, tmp_path, qtbot):
    viewer = make_napari_viewer(show=True, ndisplay=3)
    for source in ("LPS", "PIR", "oblique"):
        viewer.layers.clear()
        (data,) = read_layers(head(tmp_path / "head.nii.gz", source))
        viewer.add_layer(Layer.create(*data))
        viewer.layers[0].rendering = "mip"
        viewer.scene.camera.orientation = CAMERA_3D
        for side, (direction, up) in VIEWS_3D.items():
            viewer.scene.camera.set_view_direction(direction, up)
            picture = viewer.screenshot(canvas_only=True, flash=False)
            assert where_the_lesion_is(picture) == SIDES[side], (source, side)


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_letters_stand_where_the_anatomy_is(planes, convention):
    view = planes(a_layer())
    view.set_convention(convention)
    right, left = ("R", "L") if convention == "radiological" else ("L", "R")
    letters = {plane: pane.overlay.content.letters for plane, pane in view.panes.items()}
    found = {p: (e.top, e.bottom, e.left, e.right) for p, e in letters.items()}
    assert found == {
        "axial": ("A", "P", right, left),
        "coronal": ("S", "I", right, left),
        "sagittal": ("S", "I", "A", "P"),
    }


def test_the_crosshair_is_drawn_over_the_voxel_it_points_at(planes):
    layer = a_layer()
    layer.data = np.zeros_like(layer.data)
    layer.data[12, 14, 6] = 1
    layer.contrast_limits = (0, 1)
    layer.refresh()
    view = planes(layer)
    view.crosshair.move_to((24.0, 14.0, 6.0))
    for pane in view.panes.values():
        picture = pane.screenshot()
        grey = picture[..., :3].astype(float).sum(-1)
        y, x = np.argwhere(grey > 0.5 * grey.max()).mean(0) + 0.5
        scale = picture.shape[1] / pane.overlay.width()
        expected = np.array(pane.to_pixels(view.crosshair.position)) * scale
        assert np.allclose((x, y), expected, atol=1.5), pane.plane


@pytest.mark.parametrize("key", [Qt.Key.Key_F, Qt.Key.Key_Up])
def test_keys_change_the_slice(planes, qtbot, key):
    view = planes(a_layer())
    view.crosshair.move_to((10.0, 8.0, 11.0))
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, key)
    assert view.crosshair.position[0] == 12.0


def test_every_key_is_explained():
    assert all(key in help_text() and text in help_text() for key, (_, text) in SHORTCUTS.items())


def test_copies_share_the_voxels_and_follow_the_look(planes):
    layer = a_layer()
    labels = Labels((layer.data > 0).astype(np.uint8), scale=(2, 1, 1))
    view = planes(layer, labels)
    copies = view.panes["axial"].model.layers
    assert copies[0].data is layer.data
    layer.opacity, labels.visible, labels.contour = 0.3, False, 2
    layer.contrast_limits = (0.1, 0.7)
    assert (copies[0].opacity, copies[1].visible, copies[1].contour) == (0.3, False, 2)
    assert tuple(copies[0].contrast_limits) == (0.1, 0.7)
    layer.data = layer.data * 2
    assert copies[0].data is layer.data


def test_layers_come_go_and_change_places(planes):
    view = planes(a_layer(name="a"), a_layer(name="b"))
    layers, copies = view._layers, view.panes["sagittal"].model.layers
    layers.append(a_layer(name="c"))
    assert [copy.name for copy in copies] == ["a", "b", "c"]
    layers.move(0, 3)
    assert [copy.name for copy in copies] == ["b", "c", "a"]
    del layers[0]
    assert [copy.name for copy in copies if copy.visible] == ["c", "a"]


def test_what_is_never_seen_has_no_copy_and_hidden_copies_are_handed_on(planes):
    first, second = a_layer(name="first"), a_layer(name="second", visible=False)
    labels = Labels((first.data > 0).astype(np.uint8), name="labels", scale=(2, 1, 1))
    view = planes(first, second, labels)
    copies = view.panes["axial"].model.layers
    assert [copy.name for copy in copies] == ["first", "labels"]
    kept = copies[0]
    first.visible = labels.visible = False
    second.contrast_limits = (0.2, 0.9)
    second.visible = True
    assert [(copy.name, copy.visible) for copy in copies] == [("second", True), ("labels", False)]
    assert copies[0] is kept
    assert copies[0].data is second.data
    assert tuple(copies[0].contrast_limits) == (0.2, 0.9)
    first.contrast_limits = (0.4, 0.6)
    assert tuple(copies[0].contrast_limits) == (0.2, 0.9), "it follows the first no more"
    first.visible = True
    assert [copy.name for copy in copies] == ["first", "second", "labels"]
    assert all(copy.data is one.data for copy, one in zip(copies, view._layers, strict=True))


def test_a_layer_lies_in_the_planes_where_its_transform_puts_it(planes):
    first, other = a_layer(name="first"), a_layer(name="other", affine=np.diag([3.0, 3, 3, 1]))
    view = planes(first, other)
    copies = view.panes["axial"].model.layers
    np.testing.assert_array_equal(copies[1].extent.world, other.extent.world)
    first.visible = False
    moved = a_layer(name="moved", affine=np.diag([2.0, 2, 2, 1]))
    view._layers.append(moved)  # takes over the copy of the first
    shown = next(copy for copy in copies if copy.name == "moved")
    np.testing.assert_array_equal(shown.extent.world, moved.extent.world)
    moved.affine = np.eye(4)
    np.testing.assert_array_equal(shown.extent.world, moved.extent.world)


def test_a_removed_layer_leaves_its_copy_to_the_next_or_soon_nothing(planes, qtbot):
    view = planes(a_layer(name="a"), a_layer(name="b"))
    layers, copies = view._layers, view.panes["axial"].model.layers
    kept = copies[1]
    del layers[1]
    assert not kept.visible
    layers.append(a_layer(name="c"))
    assert [copy.name for copy in copies] == ["a", "c"]
    assert copies[1] is kept
    layers.clear()
    qtbot.waitUntil(lambda: len(copies) == 0, timeout=10_000)


def test_a_pane_stays_at_the_crosshair_when_layers_go_and_come_back(planes):
    layer = a_layer()
    view = planes(layer)
    view.crosshair.move_to((20.0, 10.0, 12.0))
    for away in (-500.0, 500.0):
        layer.translate = (away, away, away)
        layer.translate = (0, 0, 0)
        for axis, plane in enumerate(("axial", "coronal", "sagittal")):
            point = view.panes[plane].model.dims.point[axis]
            assert point == view.crosshair.position[axis], (away, plane)


def test_panes_keep_their_planes_after_the_last_layer_has_gone(planes, qtbot):
    layer = a_layer()
    view = planes(layer)
    before = {plane: pane.model.dims.order for plane, pane in view.panes.items()}
    view._layers.clear()
    panes = view.panes.values()
    qtbot.waitUntil(lambda: not any(pane.model.layers for pane in panes), timeout=10_000)
    view._layers.append(layer)
    assert {plane: pane.model.dims.order for plane, pane in view.panes.items()} == before
    assert len(set(before.values())) == 3


@pytest.mark.parametrize(
    "other",
    [
        Image(np.ones((30, 30)), name="2D"),
        Image(np.ones((30, 30, 3)), rgb=True, name="2D colours"),
        Image(np.ones((3, 10, 30, 30)), name="4D"),
        Labels(np.ones((30, 30), int), name="2D labels"),
        Points(np.ones((5, 2)), name="2D points"),
        Points(np.empty((0, 3)), name="no points"),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_without_a_place_in_the_planes_are_left_out(planes, other):
    alone = planes(other)
    assert alone.visible_extent() is None
    layer = a_layer()
    view = planes(other, layer)
    assert view.visible_extent() == ((0, 0, 0), (38, 21, 23))
    view.crosshair.move_to((-5.0, 500.0, 10.0))
    assert view.crosshair.position == (0, 21, 10)
    for pane in view.panes.values():
        assert [copy.name for copy in pane.model.layers] == [layer.name]
    view._layers.remove(layer)
    view.fit()


def test_colours_in_three_dimensions_are_shown(planes):
    values = np.zeros((20, 22, 24, 3), np.uint8)
    values[10, 11, 12] = (255, 0, 0)
    view = planes(a_layer(), Image(values, rgb=True, scale=(2, 1, 1)))
    view.crosshair.move_to((20.0, 11.0, 12.0))

    def reddest(pane):
        picture = pane.screenshot().astype(int)
        return (picture[..., 0] - picture[..., 1]).max()

    assert all(reddest(pane) > 200 for pane in view.panes.values())
    view._layers[1].visible = False
    assert all(reddest(pane) == 0 for pane in view.panes.values())
    view._layers[1].visible = True
    assert all(reddest(pane) > 200 for pane in view.panes.values())


def test_nothing_is_drawn_of_a_layer_whose_slices_are_elsewhere(planes, qtbot):
    """As a real ROI beside a synthetic one: 0 is grey between -1 and 1."""
    here = a_layer(contrast_limits=(0, 1), name="here")
    view = planes(here)
    view.crosshair.move_to((0.0, 0.0, 0.0))  # dark
    values = np.full((20, 22, 24), 0.5, np.float32)
    aside = Image(values, scale=(2, 1, 1), translate=(0, 0, -40), contrast_limits=(-1, 1))
    view._layers.append(aside)
    view.fit()
    sagittal = view.panes["sagittal"]

    def brightest():
        return int(sagittal.screenshot()[..., :3].max())

    assert brightest() == 0
    for visible in (False, True):
        aside.visible = visible
        assert brightest() == 0
    view.crosshair.move_to((0.0, 0.0, -20.0))
    assert brightest() > 150
    aside.visible = False
    assert brightest() == 0
    view.crosshair.move_to((0.0, 0.0, 0.0))
    aside.visible = True
    assert brightest() == 0


def test_a_pane_goes_on_by_a_slice_of_what_is_visible(planes):
    fine, coarse = a_layer(), a_layer()
    coarse.scale = (4, 4, 4)
    view = planes(fine, coarse)
    pane = view.panes["axial"]
    assert pane.slice_step_mm == 2.0
    fine.visible = False
    assert pane.slice_step_mm == 4.0


def test_positions_are_told_with_letters():
    assert position_text((17.6, -35.3, 0.04)) == "R 17.6  P 35.3  S 0.0 mm"
