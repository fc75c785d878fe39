"""An ROI overlays its parent, loses nothing silently, and can be put back."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from napari_tumor_synth.errors import (
    EmptySegmentationError,
    GridMismatchError,
    InputError,
    VolumeError,
)
from napari_tumor_synth.imaging.roi import (
    IntensityWindow,
    Roi,
    RoiSettings,
    extract_roi,
    put_back,
    regrid_roi,
)
from napari_tumor_synth.imaging.volume import Volume
from tests.conftest import brain_case

SMALL = RoiSettings(size=(24, 24, 24))
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", (9, -6, 14), degrees=True).as_matrix()
OBLIQUE[:3, 3] = (-31, 12, 5)


def parent_indices(roi, parent):
    """World positions of the ROI's tumour voxels as (s, a, r) indices of the parent."""
    s, a, r = np.nonzero(roi.mask)
    world = nib.affines.apply_affine(roi.affine, np.stack([r, a, s], axis=1))
    return nib.affines.apply_affine(np.linalg.inv(parent.affine), world)[:, ::-1]


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([1.0005, 1, 0.9995, 1]), OBLIQUE])
@pytest.mark.parametrize("size", [(24, 24, 24), (23, 25, 24), (32, 9, 64)])
@pytest.mark.parametrize("centre", [(22, 18, 30), (2, 41, 47), (39, 0, 0)])
def test_at_the_parents_spacing_voxels_are_copied_and_lie_where_they_did(affine, size, centre):
    image, labels = brain_case(affine=affine, centre=centre)
    roi = extract_roi({"flair": image}, labels, RoiSettings(size=size))

    indices = parent_indices(roi, image)
    np.testing.assert_allclose(indices, np.rint(indices), atol=1e-6)
    under = tuple(np.rint(indices).astype(int).T)
    assert (labels.array[under] > 0).all()
    expected = roi.windows[0].to_roi_scale(image.array[under]).astype(np.float32)
    np.testing.assert_array_equal(roi.image[0][roi.mask], expected)
    kept = np.count_nonzero(roi.mask) / np.count_nonzero(labels.array)
    assert roi.lost_fraction == pytest.approx(1 - kept, abs=1e-12)
    assert roi.shape == size


@pytest.mark.parametrize("length", [24, 25])
def test_the_box_is_centred_on_the_tumours_bounding_box(length):
    image, labels = brain_case()
    roi = extract_roi({"flair": image}, labels, RoiSettings(size=(length,) * 3))
    for axis in range(3):
        present = np.flatnonzero(roi.mask.any(axis=tuple({0, 1, 2} - {axis})))
        assert abs(present[0] - (length - 1 - present[-1])) <= 1


def test_the_image_alone_tells_the_mask():
    image, labels = brain_case()
    roi = extract_roi({"flair": image}, labels, SMALL)
    np.testing.assert_array_equal(roi.mask, roi.image[0] > -1)
    assert (roi.image[0][~roi.mask] == -1).all()
    assert roi.image[0][roi.mask].min() >= np.float32(-0.9)
    assert roi.image.max() <= 1
    assert roi.image.dtype == np.float32
    assert roi.volume_ml == pytest.approx(np.count_nonzero(labels.array) / 1000)


def test_the_window_comes_from_the_brains_percentiles():
    image, labels = brain_case()
    settings_of_roi = RoiSettings(size=(24, 24, 24), percentiles=(10, 90))
    roi = extract_roi({"flair": image}, labels, settings_of_roi)
    low, high = np.percentile(image.array[image.array != 0], (10, 90))
    assert roi.windows == (IntensityWindow(pytest.approx(low), pytest.approx(high)),)
    inside = roi.image[0][roi.mask]
    bright = image.array[labels.array > 0] >= high
    assert np.count_nonzero(inside == 1) == np.count_nonzero(bright)


@pytest.mark.parametrize("scale", [0.01, 1, 50])
def test_the_intensity_scale_of_a_scanner_does_not_matter(scale):
    image, labels = brain_case()
    scaled = replace(image, array=image.array * np.float32(scale))
    reference = extract_roi({"flair": image}, labels, SMALL)
    roi = extract_roi({"flair": scaled}, labels, SMALL)
    np.testing.assert_allclose(roi.image, reference.image, atol=1e-5)


def test_a_tumour_larger_than_the_box_is_reported_to_the_voxel():
    image, labels = brain_case(radii=(9, 5, 9))
    roi = extract_roi({"flair": image}, labels, RoiSettings(size=(8, 24, 24)))
    levels = np.flatnonzero(labels.array.any(axis=(1, 2)))
    middle = (levels[0] + levels[-1]) / 2
    first = int(np.floor(middle - 4 + 1))
    inside = np.count_nonzero(labels.array[first : first + 8])
    assert roi.lost_fraction == pytest.approx(1 - inside / np.count_nonzero(labels.array))
    assert 0.3 < roi.lost_fraction < 0.6
    assert f"{roi.lost_fraction:.2%} of the tumour's volume lies outside" in roi.warnings[0]
    assert "8 x 24 x 24 mm" in roi.warnings[0]


def test_two_millimetres_are_means_of_blocks_of_tumour_voxels():
    image, labels = brain_case()
    fine = extract_roi({"flair": image}, labels, RoiSettings(size=(32, 32, 32)))
    coarse = extract_roi({"flair": image}, labels, RoiSettings(size=(16, 16, 16), spacing_mm=2))

    blocks = fine.mask.reshape(16, 2, 16, 2, 16, 2)
    count = blocks.sum(axis=(1, 3, 5))
    raw = np.zeros(fine.mask.shape)
    raw[fine.mask] = image.array[labels.array > 0]  # both in (s, a, r) order
    means = raw.reshape(blocks.shape).sum(axis=(1, 3, 5)) / np.maximum(count, 1)
    np.testing.assert_array_equal(coarse.mask, count >= 4)
    expected = coarse.windows[0].to_roi_scale(means[coarse.mask])
    np.testing.assert_allclose(coarse.image[0][coarse.mask], expected, atol=1e-6)
    np.testing.assert_allclose(
        coarse.affine[:3, 3] - fine.affine[:3, 3], (0.5, 0.5, 0.5), atol=1e-12
    )


@settings(max_examples=15, deadline=None)
@given(
    spacing=st.floats(0.7, 3.0),
    parent_spacing=st.tuples(*[st.floats(0.8, 2.0)] * 3),
    slope=st.tuples(*[st.floats(1, 3)] * 3),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
)
def test_resampling_moves_nothing(spacing, parent_spacing, slope, signs):
    """Where an image is linear in space, so is the ROI: any shift or scale error would show."""
    slope = np.multiply(slope, signs)
    affine = OBLIQUE @ np.diag([*parent_spacing[::-1], 1])
    _, labels = brain_case(affine=affine, shape=(24, 26, 28), centre=(12, 13, 14))
    s, a, r = np.indices(labels.shape)
    ramp = 5000 + nib.affines.apply_affine(affine, np.stack([r, a, s], axis=-1)) @ slope
    size = tuple(int(np.ceil(20 * parent / spacing)) + 8 for parent in parent_spacing)
    settings_of_roi = RoiSettings(size=size, spacing_mm=spacing, percentiles=(0, 100))

    roi = extract_roi({"ramp": Volume(ramp.astype(np.float32), affine)}, labels, settings_of_roi)

    s, a, r = np.nonzero(roi.mask)
    positions = nib.affines.apply_affine(roi.affine, np.stack([r, a, s], axis=1))
    values = roi.windows[0].to_parent_scale(roi.image[0][roi.mask])
    # Edge voxels are means over their tumour part only, whose centre lies off the voxel's.
    interior = _eroded(roi.mask, steps=int(np.ceil(max(parent_spacing) / spacing)) + 1)[roi.mask]
    np.testing.assert_allclose(
        values[interior], (5000 + positions @ slope)[interior], rtol=0, atol=0.02
    )
    thinnest = 2 * min(np.multiply((7, 5, 9), parent_spacing))  # the radii of `brain_case`
    if thinnest >= 4 * spacing:  # three voxels across may as well be two: a third of the volume
        assert roi.volume_ml == pytest.approx(
            np.count_nonzero(labels.array) * labels.voxel_volume_ml, rel=0.2
        )


def _eroded(mask, steps):
    for axis in range(3):
        for shift in range(-steps, steps + 1):
            mask = mask & np.roll(mask, shift, axis)
    return mask


@pytest.mark.parametrize("spacing", [0.5, 0.8, 1.3, 2, 2.7])
def test_neither_healthy_tissue_nor_background_bleeds_into_the_edge(spacing):
    image, labels = brain_case()
    array = np.where(labels.array > 0, 500, image.array * 0 + 9000)
    array[0] = 1
    size = tuple([int(30 / spacing)] * 3)
    flat = replace(image, array=array.astype(np.float32))
    roi = extract_roi({"flair": flat}, labels, RoiSettings(size=size, spacing_mm=spacing))
    assert np.ptp(roi.image[0][roi.mask]) < 1e-6


def test_several_sequences_share_one_box():
    flair, labels = brain_case()
    t2 = replace(flair, array=flair.array[::-1].copy())
    roi = extract_roi({"flair": flair, "t2": t2}, labels, SMALL)
    assert roi.image.shape == (2, 24, 24, 24)
    assert roi.sequences == ("flair", "t2")
    assert len(roi.windows) == 2
    np.testing.assert_array_equal(roi.image[0], extract_roi({"f": flair}, labels, SMALL).image[0])
    np.testing.assert_array_equal(roi.image[1], extract_roi({"t": t2}, labels, SMALL).image[0])


def test_chosen_labels_make_the_mask():
    image, labels = brain_case()
    roi = extract_roi({"flair": image}, labels, RoiSettings(size=(24, 24, 24), labels=(4,)))
    assert np.count_nonzero(roi.mask) == np.count_nonzero(labels.array == 4)


def test_absent_labels_are_answered_with_those_present():
    image, labels = brain_case()
    with pytest.raises(EmptySegmentationError, match="none of the labels 1, 3") as caught:
        extract_roi({"flair": image}, labels, RoiSettings(labels=(1, 3)))
    assert caught.value.remedy.endswith("2, 4.")


def test_an_empty_segmentation_is_refused():
    image, labels = brain_case()
    empty = replace(labels, array=np.zeros_like(labels.array))
    with pytest.raises(EmptySegmentationError, match="every voxel is 0"):
        extract_roi({"flair": image}, empty, SMALL)


def test_a_tumour_that_vanishes_at_the_spacing_is_refused():
    image, labels = brain_case(radii=(0.5, 0.5, 0.5))
    with pytest.raises(EmptySegmentationError, match="finer spacing"):
        extract_roi({"flair": image}, labels, RoiSettings(size=(8, 8, 8), spacing_mm=4))


def test_another_grid_is_refused():
    image, labels = brain_case()
    moved = replace(labels, affine=OBLIQUE)
    with pytest.raises(GridMismatchError, match=r"flair and segmentation .* mm apart"):
        extract_roi({"flair": image}, moved, SMALL)


def test_an_roi_lies_on_its_image_where_the_segmentation_is_a_hair_off():
    image, labels = brain_case()
    hair = np.eye(4)
    hair[:3, 3] = 0.05
    roi = extract_roi({"flair": image}, replace(labels, affine=hair), SMALL)
    indices = parent_indices(roi, image)
    np.testing.assert_allclose(indices, np.rint(indices), atol=1e-9)


def test_no_sequence_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="at least one"):
        extract_roi({}, brain_case()[1], SMALL)


def test_a_constant_image_is_refused():
    image, labels = brain_case()
    with pytest.raises(VolumeError, match="no contrast"):
        extract_roi({"flair": replace(image, array=np.ones_like(image.array))}, labels, SMALL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (7, 64, 64)},
        {"size": (64, 64, 1000)},
        {"spacing_mm": 0},
        {"labels": ()},
        {"labels": (0,)},
        {"percentiles": (99, 1)},
        {"spacing": 2},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        RoiSettings(**wrong)


def test_notes_of_the_file_become_warnings():
    image, labels = brain_case()
    odd_labels = replace(labels, notes=("The qform is damaged.",))
    roi = extract_roi({"flair": replace(image, notes=("It is odd.",))}, odd_labels, SMALL)
    assert "segmentation: The qform is damaged." in roi.warnings
    assert "flair: It is odd." in roi.warnings


@pytest.mark.parametrize("affine", [np.eye(4), OBLIQUE])
def test_a_crop_put_back_gives_the_parent_up_to_clipping(affine):
    image, labels = brain_case(affine=affine)
    roi = extract_roi({"flair": image}, labels, SMALL)
    back = put_back(roi, image)
    window = roi.windows[0]
    clipped = np.clip(image.array, window.low, window.high)
    expected = np.where(labels.array > 0, clipped, image.array)
    np.testing.assert_allclose(back.array, expected, rtol=1e-6)
    np.testing.assert_array_equal(back.array[labels.array == 0], image.array[labels.array == 0])
    assert back.array.dtype == np.float32


def test_a_coarse_roi_put_back_keeps_its_place():
    image, labels = brain_case(radii=(9, 8, 10))
    ramp = replace(image, array=(np.indices(image.shape)[2] * 10 + 100).astype(np.float32))
    settings_of_roi = RoiSettings(size=(16, 16, 16), spacing_mm=2, percentiles=(0, 100))
    roi = extract_roi({"flair": ramp}, labels, settings_of_roi)
    back = put_back(roi, replace(ramp, array=np.full_like(ramp.array, 7)))
    inside = _eroded(labels.array > 0, steps=2)
    np.testing.assert_allclose(back.array[inside], ramp.array[inside], atol=0.01)
    changed = back.array != 7
    overlap = np.count_nonzero(changed & (labels.array > 0))
    assert 2 * overlap / (np.count_nonzero(changed) + np.count_nonzero(labels.array)) > 0.9


def test_a_synthetic_roi_takes_the_parents_window():
    image, labels = brain_case()
    real = extract_roi({"flair": image}, labels, SMALL)
    synthetic = Roi(np.ones_like(real.image), real.mask | True, real.affine, ("flair",), SMALL)
    back = put_back(synthetic, image)
    assert back.array.max() == pytest.approx(real.windows[0].high)
    box = back.array != image.array
    assert np.count_nonzero(box) <= 24**3
    np.testing.assert_allclose(back.array[box], real.windows[0].high, rtol=1e-6)


def test_putting_back_where_it_cannot_lie_is_refused():
    image, labels = brain_case()
    roi = extract_roi({"flair": image}, labels, SMALL)
    with pytest.raises(GridMismatchError, match="parallel"):
        put_back(roi, replace(image, affine=OBLIQUE))
    away = np.eye(4)
    away[:3, 3] = 500
    with pytest.raises(GridMismatchError, match="outside"):
        put_back(roi, replace(image, affine=away))
    with pytest.raises(InputError, match="'t2'"):
        put_back(roi, image, "t2")


def test_regridding_equals_cutting_at_that_grid():
    image, labels = brain_case()
    open_window = {"percentiles": (0, 100)}
    fine = extract_roi({"f": image}, labels, RoiSettings(size=(32, 32, 32), **open_window))
    coarse = RoiSettings(size=(16, 16, 16), spacing_mm=2, **open_window)
    direct = extract_roi({"f": image}, labels, coarse)
    regridded = regrid_roi(fine, (16, 16, 16), 2)
    np.testing.assert_array_equal(regridded.mask, direct.mask)
    np.testing.assert_allclose(regridded.image, direct.image, atol=1e-6)
    np.testing.assert_allclose(regridded.affine, direct.affine, atol=1e-9)
    assert regridded.settings == direct.settings


def test_regridding_to_the_same_grid_changes_nothing():
    image, labels = brain_case()
    roi = extract_roi({"flair": image}, labels, SMALL)
    same = regrid_roi(roi, (24, 24, 24), 1.0)
    np.testing.assert_array_equal(same.image, roi.image)
    np.testing.assert_array_equal(same.affine, roi.affine)


def test_regridding_adds_up_what_is_lost():
    image, labels = brain_case(radii=(9, 9, 9))
    roi = extract_roi({"flair": image}, labels, RoiSettings(size=(12, 24, 24)))
    smaller = regrid_roi(roi, (8, 24, 24), 1.0)
    kept = np.count_nonzero(smaller.mask) / np.count_nonzero(labels.array)
    assert smaller.lost_fraction == pytest.approx(1 - kept)
    assert len(smaller.warnings) == 2


def test_an_empty_roi_cannot_be_regridded():
    roi = Roi(
        np.full((1, 8, 8, 8), -1, np.float32),
        np.zeros((8, 8, 8), bool),
        np.eye(4),
        ("flair",),
        RoiSettings(size=(8, 8, 8)),
    )
    with pytest.raises(EmptySegmentationError):
        regrid_roi(roi, (16, 16, 16), 1.0)


def test_an_roi_is_consistent():
    image, mask = np.zeros((1, 8, 8, 8), np.float32), np.zeros((8, 8, 8), bool)
    with pytest.raises(ValueError, match="flair"):
        Roi(image, mask, np.eye(4), ("flair", "t1"), SMALL)
    with pytest.raises(ValueError, match="window"):
        Roi(image, mask, np.eye(4), ("flair",), SMALL, (IntensityWindow(0, 1),) * 2)
