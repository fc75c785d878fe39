"""Warnings come when they should, and only then."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi
from napari_tumor_synth.imaging.volume import Volume
from tests.conftest import brain_case

ROOMY = RoiSettings()


def warnings_of(image, labels):
    return extract_roi({"flair": image}, labels, ROOMY).warnings


def test_a_stripped_brain_gives_no_warning():
    assert warnings_of(*brain_case()) == ()


@pytest.mark.parametrize("level", ["noise", "constant", "negative"])
def test_a_background_that_is_not_zero(level):
    image, labels = brain_case()
    noise = np.abs(np.random.default_rng(1).normal(0, 8, image.shape)) + 0.1
    background = {"noise": noise, "constant": 12, "negative": -3}[level]
    array = np.where(image.array == 0, background, image.array).astype(np.float32)
    (warning,) = warnings_of(replace(image, array=array), labels)
    assert "background is not 0" in warning


def test_a_skull_on_a_background_of_zero():
    brain, labels = brain_case(affine=np.diag([4.43, 4.43, 4.43, 1]))  # a head of 3.2 litres
    assert np.count_nonzero(brain.array) * brain.voxel_volume_ml == pytest.approx(3200, rel=0.02)
    (warning,) = warnings_of(brain, labels)
    assert "skull" in warning
    assert "3.2 litres" in warning


def test_the_largest_brains_pass():
    brain, labels = brain_case(affine=np.diag([3.79, 3.79, 3.79, 1]))  # 2.0 litres
    assert np.count_nonzero(brain.array) * brain.voxel_volume_ml == pytest.approx(2000, rel=0.02)
    assert warnings_of(brain, labels) == ()


def test_a_segmentation_of_somebody_else():
    image, labels = brain_case()
    array = np.zeros_like(labels.array)
    array[2:6, 2:6, 2:6] = 1
    (warning,) = warnings_of(image, Volume(array, labels.affine))
    assert "may not belong together" in warning


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_a_tumour_at_the_edge(axis, end):
    image, labels = brain_case()
    array = labels.array.copy()
    touching = [22, 18, 30]
    touching[axis] = end
    array[tuple(touching)] = 1
    roi = extract_roi({"flair": image}, replace(labels, array=array), RoiSettings())
    assert any("touches the edge" in warning for warning in roi.warnings)
