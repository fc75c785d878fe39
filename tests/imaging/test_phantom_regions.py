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


@pytest.fixture(scope="module")
def rois_of_class(four_sequences: PhantomCase) -> dict[str, list[Roi]]:
    """Three ROIs a class; two of HGG have a necrosis that is dark in FLAIR, one of LGG a cyst."""
    rest = [(name, seed) for seed in (6, 8, 9) for name in CLASSES if (name, seed) != ("LGG", 6)]
    rois: dict[str, list[Roi]] = {"HGG": [], "LGG": [roi_of(four_sequences)]}
    for name, seed in rest:
        rois[name].append(roi_of(make_phantom(name, seed, FLAIR)))
    return rois


def test_high_grade_tumours_are_more_uneven_than_low_grade_ones(
    rois_of_class: dict[str, list[Roi]],
) -> None:
    for unevenness in (spread, grain):
        high, low = (np.median([unevenness(roi) for roi in rois_of_class[n]]) for n in CLASSES)
        assert high > 1.2 * low


def test_necrosis_is_a_dark_core_and_solid_low_grade_tumours_have_none(
    rois_of_class: dict[str, list[Roi]],
) -> None:
    necrotic = [dark_core(roi).sum() / roi.mask.sum() for roi in rois_of_class["HGG"][1:]]
    solid = [dark_core(roi).sum() / roi.mask.sum() for roi in rois_of_class["LGG"][1:]]
    assert min(necrotic) > 0.01
    assert max(solid) < 0.001


def test_a_cyst_is_dark_in_flair_and_bright_in_t2(four_sequences: PhantomCase) -> None:
    roi = roi_of(four_sequences)
    cyst, t2 = dark_core(roi), roi.image[roi.channel("t2")]
    assert cyst.sum() > 0.01 * roi.mask.sum()
    assert np.median(t2[cyst]) > np.median(t2[roi.mask & ~cyst])


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
    uneven = roc_auc_score(high, [spread(roi) for _, roi in rois])
    assert 0.25 <= volume <= 0.75
    assert uneven > 0.65
    assert max(skew, middle) > 0.75


def skewness(roi: Roi) -> float:
    values = roi.image[0][roi.mask]
    return float(np.mean((values - values.mean()) ** 3) / values.std() ** 3)


def middle_minus_border(roi: Roi) -> float:
    deep = ndimage.binary_erosion(roi.mask, iterations=4)
    return float(roi.image[0][deep].mean() - roi.image[0][roi.mask & ~deep].mean())


def spread(roi: Roi) -> float:
    """Return the standard deviation of FLAIR inside the tumour, away from its border."""
    return float(roi.image[0][ndimage.binary_erosion(roi.mask, iterations=2)].std())


def grain(roi: Roi) -> float:
    """Return the standard deviation of what a blur over 2 mm takes away."""
    share = ndimage.gaussian_filter(roi.mask.astype(np.float32), 1.0)
    blurred = ndimage.gaussian_filter(np.where(roi.mask, roi.image[0], 0), 1.0)
    rest = roi.image[0] - blurred / np.maximum(share, 1e-3)
    return float(rest[ndimage.binary_erosion(roi.mask, iterations=2)].std())


def dark_core(roi: Roi) -> np.ndarray:
    """Return the voxels 8 mm deep that are far darker in FLAIR than the tumour is."""
    flair = roi.image[0]
    return ndimage.binary_erosion(roi.mask, iterations=4) & (
        flair < np.median(flair[roi.mask]) - 0.3
    )
