"""The display that all other tests of windows stand on: napari opens and draws."""

import numpy as np
import pytest

pytestmark = pytest.mark.gui


def test_napari_draws_on_the_display(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.linspace(0, 1, 32 * 32).reshape(32, 32), colormap="gray")

    picture = viewer.screenshot(canvas_only=True, flash=False)

    assert picture[..., :3].std() > 20, "a canvas that is not drawn is one colour"
