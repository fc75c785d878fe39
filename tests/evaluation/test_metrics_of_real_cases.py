"""Image metrics of real gliomas, whose shapes and textures phantoms do not have."""

import numpy as np
import pytest
import torch
from monai.metrics.regression import MultiScaleSSIMMetric

from napari_tumor_synth.evaluation.gram import gram_matrix
from napari_tumor_synth.evaluation.mmd_kwon import mmd_kwon_of_gram
from napari_tumor_synth.evaluation.mmd_rbf import mmd_rbf_of_gram
from napari_tumor_synth.evaluation.ms_ssim import (
    PRESETS,
    compare_ms_ssim,
    ms_ssim,
    prepare_ms_ssim,
    settings_for,
)
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.fixture(scope="module")
def rois(real_cases):
    """Return the eighteen FLAIR ROIs, 64^3 at 2 mm."""
    settings = RoiSettings(size=(64, 64, 64), spacing_mm=2)
    return [
        extract_roi(
            {"flair": read_image(case.sequences["flair"])},
            read_segmentation(case.segmentation),
            settings,
        ).image
        for case in real_cases
    ]


def test_ms_ssim_is_monais(rois):
    settings = settings_for("wang2003-k7", rois[0].shape)
    metric = MultiScaleSSIMMetric(spatial_dims=3, kernel_size=7, weights=settings.weights)
    for one, other in zip(rois[:4], rois[4:8], strict=True):
        halves = [torch.from_numpy(v / 2 + 0.5)[None] for v in (one, other)]
        assert ms_ssim(one, other, settings) == pytest.approx(metric(*halves).item(), abs=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_real_rois_resemble_themselves_most(rois, preset):
    settings = settings_for(preset, rois[0].shape)
    ready = [prepare_ms_ssim(roi, settings) for roi in rois]
    for one in ready:
        assert compare_ms_ssim(one, one).foreground == pytest.approx(1, abs=1e-9)
    pairs = [compare_ms_ssim(ready[i], ready[j]) for i in range(18) for j in range(i)]
    assert max(score.foreground for score in pairs) < 0.9
    assert all(0 <= score.whole < 1 for score in pairs)


def test_the_published_mmd_prefers_collapse_to_other_patients_and_the_unbiased_one_does_not(rois):
    half, others = rois[::2], rois[1::2]
    mean = np.mean(others, axis=0)
    honest = mmd_kwon_of_gram(gram_matrix([*half, *others]), len(half))
    assert honest.collapsed < 0.6 * honest.value
    assert honest.collapsed < honest.floor_low
    told = mmd_rbf_of_gram(gram_matrix([*half, *others]), len(half))
    collapsed = mmd_rbf_of_gram(gram_matrix([*[mean] * 9, *others]), 9)
    assert told.p_value > 0.05
    assert collapsed.p_value < 0.01
    assert collapsed.value > told.value
