"""Whatever a user does, and in whatever order: panes show what the viewer shows, where it is."""

import random

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.layers import Image, Labels

from cohort_factory import write_case
from workbench_steps import generated, opened

pytestmark = pytest.mark.gui

STEPS = 40
AT_MOST = 6  # samples, and images that the user adds


def write_cases(folder):
    """Write a case of cubes, and one that lies elsewhere, turned, with voxels of other size."""
    plain = write_case(folder / "LGG", "Brats18_CBICA_L00_1")
    other = write_case(folder / "HGG", "Brats18_CBICA_H00_1", seed=3)
    for file in other.iterdir():
        image = nib.load(file)
        affine = nib.affines.from_matvec(np.diag([-3.0, -2.0, 1.5]), [60, -90, 70])
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), file)
    return plain, other


class User:
    """Does one thing after the other, chosen by a seed."""

    def __init__(self, bench, qtbot, cases, seed):
        self.bench, self.qtbot, self.cases = bench, qtbot, cases
        self.session, self.layers = bench.session, bench.scene.viewer.layers
        self.random = random.Random(seed)
        self.done = []

    def act(self):
        acts = {
            self.open_a_case: 2, self.generate: 3, self.select: 5, self.click_a_layer: 5,
            self.show_or_hide: 5, self.remove_a_layer: 3, self.move_a_layer: 2,
            self.change_the_look: 4, self.add_a_layer: 1, self.beside: 3, self.live: 2,
            self.importance: 2, self.look_at_segmentation: 1, self.step_a_plane: 2, self.wait: 1,
        }  # fmt: skip
        (act,) = self.random.choices(list(acts), list(acts.values()))
        self.done.append(act.__name__)
        act()
        self.qtbot.wait(20)

    def open_a_case(self):
        opened(self.bench, self.qtbot, self.random.choice(self.cases))

    def generate(self):
        if len(self.session.samples) < AT_MOST:
            seed, count = self.random.randrange(100), self.random.randint(1, 2)
            generated(self.bench, self.qtbot, seed, count)

    def select(self):
        choice = [None, self.session.roi, *self.session.samples]
        self.session.select(self.random.choice(choice))

    def click_a_layer(self):
        if self.layers:
            self.layers.selection.active = self.random.choice(self.layers)

    def show_or_hide(self):
        if self.layers:
            layer = self.random.choice(self.layers)
            layer.visible = not layer.visible

    def remove_a_layer(self):
        if self.layers:
            self.layers.remove(self.random.choice(self.layers))

    def move_a_layer(self):
        if self.layers:
            count = len(self.layers)
            self.layers.move(self.random.randrange(count), self.random.randrange(count))

    def change_the_look(self):
        if images := [layer for layer in self.layers if isinstance(layer, Image)]:
            image = self.random.choice(images)
            low, high = image.contrast_limits_range
            image.contrast_limits = low, low + (high - low) * self.random.uniform(0.1, 1)
            image.colormap = self.random.choice(["gray", "red", "viridis"])
            image.gamma, image.opacity = self.random.uniform(0.5, 2), self.random.random()

    def add_a_layer(self):
        if len(self.layers) < 2 * AT_MOST:
            voxels = np.random.default_rng(0).random((9, 8, 7))
            layers = Image(voxels, units="mm"), Labels((voxels > 0.5).astype(np.uint8), units="mm")
            self.layers.append(self.random.choice(layers))

    def beside(self):
        self.bench.generate.beside.click()

    def live(self):
        panel, random = self.bench.generate, self.random
        panel.live.setChecked(True)
        for _ in range(random.randint(1, 4)):
            panel.seed.set_value(random.randrange(1000))
            self.qtbot.wait(random.choice([1, 50, 300]))
        panel.live.setChecked(random.random() < 0.3)

    def importance(self):
        self.bench.importance.shown.click()

    def look_at_segmentation(self):
        look = self.bench.case.segmentation
        look.outline.click()
        look.opacity.setValue(self.random.randrange(100))

    def step_a_plane(self):
        panes = self.bench.scene.planes.view.panes
        panes[self.random.choice(list(panes))].step(self.random.choice([-3, -1, 1, 2]))

    def wait(self):
        self.qtbot.wait(400)

    def come_to_rest(self):
        turns = self.bench.generate._turns
        jobs = [self.bench.case._open, self.bench.roi._job, self.bench.generate.job]
        jobs.append(self.bench.importance.job)
        self.qtbot.waitUntil(
            lambda: (
                not (
                    turns._waiting or turns._timer.isActive() or any(job.is_running for job in jobs)
                )
            ),
            timeout=20_000,
        )


def assert_panes_show_what_the_viewer_shows(bench):
    shown = [
        layer
        for layer in bench.scene.viewer.layers
        if layer.visible and isinstance(layer, Image | Labels)
    ]
    view = bench.scene.planes.view
    for plane, pane in view.panes.items():
        copies = [copy for copy in pane.model.layers if copy.visible]
        assert len(copies) == len(shown), plane
        for layer, copy in zip(shown, copies, strict=True):
            assert copy.data is layer.data, (plane, layer.name)
            looks = ["scale", "translate", "opacity", "blending"]
            looks += ["contour"] if isinstance(layer, Labels) else ["contrast_limits", "gamma"]
            for look in looks:
                assert np.all(getattr(copy, look) == getattr(layer, look)), (plane, layer, look)
            np.testing.assert_array_equal(copy.colormap.colors, layer.colormap.colors)
        if shown:
            across, here = pane._across, view.crosshair.position[pane._across]
            low, high, step = pane.model.dims.range[across]
            if low <= here <= high:
                assert abs(pane.model.dims.point[across] - here) <= step / 2 + 1e-6, plane
            else:
                assert pane.model.dims.point[across] in (low, high), plane


def assert_selection_is_shown(bench):
    session = bench.session
    assert any(session.selected is one for one in (None, session.roi, *session.samples))
    of_samples = [layer for layer in bench.scene.viewer.layers if layer.metadata.get("synthetic")]
    assert len(of_samples) == len(session.samples)


@pytest.mark.parametrize("seed", range(2))
def test_panes_and_viewer_never_part(bench, qtbot, tmp_path, seed):
    user = User(bench, qtbot, write_cases(tmp_path), seed)
    user.open_a_case()
    for _ in range(STEPS):
        user.act()
        user.come_to_rest()
        try:
            assert_panes_show_what_the_viewer_shows(bench)
            assert_selection_is_shown(bench)
        except AssertionError as error:
            error.add_note(f"after {', '.join(user.done[-8:])}")
            raise
