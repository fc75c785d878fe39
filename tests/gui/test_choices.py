"""Small inputs; no canvas is drawn."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

import numpy as np
from napari.layers import Image, Labels

from napari_tumor_synth.generators.catalogue import CatalogueEntry
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.progress import Progress
from napari_tumor_synth.widgets.choices import (
    MAX_SEED,
    ClassSlider,
    DecodingOptions,
    SeedChoice,
)
from napari_tumor_synth.widgets.importance_overlay import ImportanceLook
from napari_tumor_synth.widgets.importance_panel import CAPTION
from napari_tumor_synth.widgets.model_choice import ModelChoice, grid_text
from napari_tumor_synth.widgets.planes.window_level import PRESETS, dragged, limits_of
from napari_tumor_synth.widgets.run_bar import time_left
from napari_tumor_synth.widgets.segmentation_view import SegmentationLook, SegmentationView

pytestmark = pytest.mark.gui


def entry(name="one", **changes):
    values = {
        "name": name, "family": "vqgan", "description": "", "classes": ("HGG", "LGG"),
        "sequences": ("flair",), "grid": (64, 64, 64), "spacing_mm": 2.0, "licence": "BSD",
        "training_data": "phantoms", "file": "a.safetensors", "sha256": "ab" * 32, "megabytes": 3.0,
    }  # fmt: skip
    return CatalogueEntry.model_validate(values | changes)


def test_the_ticks_of_the_class_slider_are_the_classes(qtbot):
    slider = ClassSlider()
    qtbot.addWidget(slider)
    told = []
    slider.changed.connect(told.append)
    slider.set_classes(("HGG", "LGG", "BRAF fusion"))
    slider.slider.setValue(2)
    assert slider.value == "BRAF fusion"
    names = [slider._names.itemAt(i).widget().text() for i in range(slider._names.count())]
    assert names == ["HGG", "LGG", "BRAF fusion"]
    slider.set_classes(("BRAF fusion", "LGG"))  # what was chosen stays chosen
    assert slider.value == "BRAF fusion"
    assert told == ["HGG", "BRAF fusion"]
    slider.set_classes(())
    assert slider.value == ""


def test_seeds_beyond_the_slider_and_beyond_31_bits(qtbot):
    seed = SeedChoice()
    qtbot.addWidget(seed)
    told = []
    seed.changed.connect(told.append)
    seed.set_value(MAX_SEED)
    assert seed.value == MAX_SEED
    seed.slider.setValue(12)
    assert seed.value == 12
    assert told[0] == MAX_SEED
    assert told[-1] == 12
    seed.dice.click()
    assert 0 <= seed.value <= MAX_SEED


def test_a_model_says_what_to_know_before_using_it(qtbot):
    choice = ModelChoice()
    qtbot.addWidget(choice)
    choice.set_entries([entry("one"), entry("two", spacing_mm=1.5)])
    choice.list.setCurrentIndex(1)
    assert choice.entry.name == "two"
    words = choice._facts.text()
    for fact in (
        "vqgan",
        "HGG, LGG",
        "FLAIR",
        "64³ at 1.5 mm",
        "phantoms",
        "BSD",
        "3.0 MB",
        "abab",
    ):
        assert fact in words
    choice.set_entries([entry("two"), entry("three")])
    assert choice.entry.name == "two"
    choice.set_entries([])
    assert choice.entry is None
    assert "No model" in choice._facts.text()


def test_decoding_options_by_the_names_of_the_settings(qtbot):
    options = DecodingOptions()
    qtbot.addWidget(options)
    assert options.changes == {}
    options.temperature.setValue(0.7)
    options.top_k.setValue(40)
    assert options.changes == {"temperature": 0.7, "top_k": 40}


def test_decoding_begins_with_the_models_own_settings_and_only_changes_are_sent(qtbot):
    options = DecodingOptions()
    qtbot.addWidget(options)
    with qtbot.assertNotEmitted(options.changed):  # it is no wish of the user's
        options.set_own(DecodingSettings(top_p=0.7, top_k=100).model_dump())
    assert options.top_p.value() == 0.7
    assert options.changes == {}
    options.top_p.setValue(1)
    options.top_k.setValue(0)
    assert options.changes == {"top_p": 1.0, "top_k": None}


def test_grids_for_people():
    assert grid_text((64, 64, 64), 2.0) == "64³ at 2 mm"
    assert grid_text((64, 96, 64), 1.5) == "64 × 96 × 64 at 1.5 mm"


def test_time_left_is_told_when_it_can_be():
    assert time_left(10, 0, Progress(0, 100)) == ""
    assert time_left(0.1, 0, Progress(50, 100)) == ""
    assert time_left(10, 0, Progress(50, 100)) == ", about 10 s left"
    assert time_left(10, 20, Progress(30, 100)) == ", about 70 s left"
    assert time_left(60, 0, Progress(10, 100)) == ", about 9 min left"


def test_dragging_changes_window_and_level():
    assert dragged((0, 100), 0, 0, 100) == (0, 100)
    assert dragged((0, 100), 0, 40, 100) == pytest.approx((10, 110))
    assert dragged((0, 100), 80, 0, 100) == pytest.approx((-10, 110))
    low, high = dragged((0, 100), -10_000, 0, 100)
    assert low < high


def test_presets_look_at_what_is_not_background():
    image = np.zeros((10, 10, 10))
    image[:5] = np.linspace(100, 200, 500).reshape(5, 10, 10)
    assert limits_of(PRESETS[0], image) == (100, 200)
    low, high = limits_of(PRESETS[3], image)
    assert (low, high) == pytest.approx((105, 195), abs=0.5)
    low, high = limits_of(PRESETS[0], np.ones((3, 3, 3)))
    assert low < high


def test_labels_are_hidden_outlined_and_faded(qtbot):
    view = SegmentationView()
    qtbot.addWidget(view)
    view.set_labels({1: "core", 2: "oedema", 4: "enhancing tumour"})
    told = []
    view.changed.connect(told.append)
    view.labels.tick(2, False)
    view.outline.click()
    view.opacity.setValue(80)
    assert told[-1] == SegmentationLook(True, 0.8, frozenset({2}))
    layer = Labels(np.array([[0, 1, 2, 4]], np.uint8))
    told[-1].apply_to(layer)
    assert layer.contour == 1
    assert layer.opacity == 0.8
    alphas = [layer.colormap.map(label)[3] for label in (0, 1, 2, 4)]
    assert alphas == [0, 1, 0, 1]
    colours = layer.colormap
    SegmentationLook(False, 0.5, frozenset({2})).apply_to(layer)
    assert layer.colormap is colours, "the same colours are not made anew"
    SegmentationLook(False, 0.5, frozenset({1})).apply_to(layer)
    assert [layer.colormap.map(label)[3] for label in (0, 1, 2, 4)] == [0, 0, 1, 1]


def test_scores_below_the_threshold_are_not_shown():
    from napari_tumor_synth.widgets.layer_data import see_through

    layer = Image(np.linspace(0, 0.8, 60).reshape(3, 4, 5), colormap=see_through("viridis"))
    layer.contrast_limits = (0, 0.8)
    ImportanceLook(opacity=0.3, threshold=0.5).apply_to(layer)
    assert layer.opacity == 0.3
    assert layer.contrast_limits[0] == 0.5
    assert layer.colormap.map(0.0)[0][3] == 0
    assert "not a probability of disease" in CAPTION
