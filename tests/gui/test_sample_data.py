"""The simulated cases that napari offers; a display is needed only where one is opened."""

import subprocess
import sys
from importlib import import_module

import npe2
import numpy as np
import pytest
from napari.layers import Labels, Layer

from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings

CLASSES = ("HGG", "LGG")


def contributions() -> npe2.manifest.contributions.ContributionPoints:
    return npe2.PluginManifest.from_distribution("napari-tumor-synth").contributions


def command_of(display_name: str):
    sample = next(s for s in contributions().sample_data if s.display_name == display_name)
    command = next(c for c in contributions().commands if c.id == sample.command)
    module, name = command.python_name.split(":")
    return getattr(import_module(module), name)


@pytest.fixture(scope="module", params=CLASSES)
def opened(request):
    """Return the class and the layers that the menu entry of this class makes."""
    layers = [Layer.create(*data) for data in command_of(f"Phantom {request.param}")()]
    return request.param, {layer.name: layer for layer in layers}


@pytest.fixture(scope="module")
def again(opened):
    """Return the same case, made from the seed in the layers' metadata."""
    name, layers = opened
    seed = layers[f"Phantom {name} FLAIR"].metadata["seed"]
    return make_phantom(name, seed, PhantomSettings(sequences=("flair",)))


def test_both_classes_are_in_the_menu():
    assert [sample.display_name for sample in contributions().sample_data] == [
        "Phantom HGG",
        "Phantom LGG",
    ]


def test_four_sequences_and_the_segmentation_are_named_after_their_class(opened):
    name, layers = opened

    wanted = ["T2", "T1ce", "T1", "FLAIR", "segmentation"]  # the last lies on top
    assert list(layers) == [f"Phantom {name} {part}" for part in wanted]
    shown = {layer.name.split()[-1] for layer in layers.values() if layer.visible}
    assert shown == {"FLAIR", "segmentation"}
    assert isinstance(layers[f"Phantom {name} segmentation"], Labels)
    assert set(np.unique(layers[f"Phantom {name} segmentation"].data)) <= {0, 1, 2, 4}


def test_world_coordinates_are_ras_millimetres(opened, again):
    _, layers = opened
    segmentation = again.segmentation

    index = np.argwhere(segmentation.array > 0)[0]
    for layer in layers.values():
        assert layer.axis_labels == ("S", "A", "R")
        assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
        np.testing.assert_allclose(layer.scale, segmentation.spacing)
        assert np.all(layer.scale > 0)
        np.testing.assert_allclose(
            layer.data_to_world(index)[::-1], segmentation.world_of(tuple(index)), atol=1e-6
        )


def test_metadata_says_that_the_case_is_simulated_and_how_to_make_it_again(opened, again):
    name, layers = opened

    for layer in layers.values():
        assert layer.metadata["simulated"] is True
        assert layer.metadata["class"] == name
        np.testing.assert_array_equal(layer.metadata["affine"], again.segmentation.affine)
    np.testing.assert_array_equal(
        layers[f"Phantom {name} segmentation"].data, again.segmentation.array
    )
    np.testing.assert_array_equal(layers[f"Phantom {name} FLAIR"].data, again.images["flair"].array)


def test_the_display_window_spans_the_brain_and_not_its_few_brightest_voxels(opened):
    name, layers = opened

    flair = layers[f"Phantom {name} FLAIR"]
    low, high = flair.contrast_limits
    clipped = np.count_nonzero(flair.data > high) / np.count_nonzero(flair.data)
    assert low == 0
    assert 0 < clipped < 0.002


def test_opening_a_sample_loads_no_torch():
    statement = (
        "import sys; from napari_tumor_synth.widgets.sample_data import phantom_lgg; "
        "phantom_lgg(); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.gui
def test_napari_opens_a_sample_from_its_menu(make_napari_viewer):
    viewer = make_napari_viewer()

    layers = viewer.open_sample("napari-tumor-synth", "phantom_hgg")

    assert [layer.name for layer in layers] == [layer.name for layer in viewer.layers]
    assert "Phantom HGG FLAIR" in viewer.layers
