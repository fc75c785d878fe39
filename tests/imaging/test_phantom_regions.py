"""Simulated cases as those meet them who cut ROIs from them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from napari_tumor_synth.imaging.cohort import find_cases
from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import CLASSES, PhantomCase, PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.roi import Roi, RoiSettings, extract_roi

FLAIR = PhantomSettings(sequences=("flair",))
COARSE = RoiSettings(size=(64, 64, 64), spacing_mm=2.0)


@pytest.fixture(scope="module")
def four_sequences() -> PhantomCase:
    return make_phantom("LGG", 6)


def litres_of_brain(case: PhantomCase) -> float:
    return np.count_nonzero(case.images["flair"].array) / 1e6


def roi_of(case: PhantomCase) -> Roi:
    return extract_roi(case.images, case.segmentation, COARSE)


def test_a_brain_has_the_volume_of_a_brain_and_nothing_is_doubtful(
    four_sequences: PhantomCase,
) -> None:
    assert 1.1 < litres_of_brain(four_sequences) < 1.7
    roi = roi_of(four_sequences)
    assert roi.warnings == ()
    assert roi.lost_fraction == 0
    assert roi.image.shape == (4, 64, 64, 64)


def test_noise_differs_between_sequences_as_in_real_cases() -> None:
    quiet, noisy = (
        make_phantom("HGG", 6, PhantomSettings(noise=noise, thick_slices=0))
        for noise in (1e-9, 0.1)
    )
    white = ndimage.binary_erosion(quiet.images["t1"].array > 0, iterations=12)
    white &= quiet.segmentation.array == 0

    def noise(sequence: str) -> float:
        images = [case.images[sequence].array for case in (quiet, noisy)]
        first, second = (image / np.median(image[white]) for image in images)
        return float((second - first)[white].std())

    drawn = {sequence: noise(sequence) for sequence in ("flair", "t1", "t1ce", "t2")}
    assert max(drawn["t1"], drawn["t1ce"]) < min(drawn["flair"], drawn["t2"])


def test_what_a_killed_call_leaves_behind_is_no_case(tmp_path: Path) -> None:
    (folder,) = write_phantoms(tmp_path, 1, 2, classes=("LGG",), settings=FLAIR, workers=1)
    shutil.copytree(folder, folder.parent / ".writing-abc")  # as killed just before the move
    assert [case.name for case in find_cases(tmp_path)] == [folder.name]


@pytest.mark.slow
def test_many_cases_fit_their_boxes_without_a_warning_about_skull_or_background() -> None:
    cases = [make_phantom(name, seed, FLAIR) for seed in range(400, 410) for name in CLASSES]
    rois = [roi_of(case) for case in cases]
    assert all(1.1 < litres_of_brain(case) < 1.7 for case in cases)
    assert not [text for roi in rois for text in roi.warnings if "skull" in text]
    lost = np.array([roi.lost_fraction for roi in rois])
    assert np.mean(lost == 0) >= 0.8
    assert lost.max() < 0.05


@pytest.mark.slow
def test_classes_differ_by_what_a_roi_shows_and_not_by_its_size() -> None:
    rois = [
        (name, roi_of(make_phantom(name, seed, FLAIR)))
        for seed in range(500, 520)
        for name in CLASSES
    ]
    high = [name == "HGG" for name, _ in rois]
    volume = roc_auc_score(high, [roi.volume_ml for _, roi in rois])
    skew = roc_auc_score(high, [skewness(roi) for _, roi in rois])
    middle = roc_auc_score(high, [middle_minus_border(roi) for _, roi in rois])
    assert 0.25 <= volume <= 0.75
    assert max(skew, middle) > 0.75


def skewness(roi: Roi) -> float:
    values = roi.image[0][roi.mask]
    return float(np.mean((values - values.mean()) ** 3) / values.std() ** 3)


def middle_minus_border(roi: Roi) -> float:
    deep = ndimage.binary_erosion(roi.mask, iterations=4)
    return float(roi.image[0][deep].mean() - roi.image[0][roi.mask & ~deep].mean())
