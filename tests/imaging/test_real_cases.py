"""What phantoms cannot prove: real gliomas of many scanners, read, cut and saved."""

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi, put_back
from napari_tumor_synth.imaging.roi_files import write_roi
from napari_tumor_synth.imaging.writing import write_volume

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def flair_rois(real_cases):
    cases = []
    for case in real_cases:
        image = read_image(case.sequences["flair"])
        cases.append((case, extract_roi({"flair": image}, read_segmentation(case.segmentation))))
    return cases


@pytest.mark.slow
def test_saved_rois_overlay_their_parents_exactly(flair_rois, tmp_path):
    for case, roi in flair_rois:
        files = write_roi(roi, tmp_path, case.name)
        saved, parent = nib.load(files.images[0]), nib.load(case.sequences["flair"])
        voxels = np.argwhere(saved.get_fdata() > -1)
        world = nib.affines.apply_affine(saved.affine, voxels)
        exact = nib.affines.apply_affine(np.linalg.inv(parent.affine), world)
        under = np.rint(exact).astype(int)
        np.testing.assert_allclose(exact, under, atol=1e-4)

        labels = nib.load(case.segmentation).get_fdata()
        assert (labels[tuple(under.T)] > 0).all()
        assert len(under) == round((1 - roi.lost_fraction) * np.count_nonzero(labels))
        (window,) = roi.windows
        values = saved.get_fdata()[tuple(voxels.T)]
        expected = parent.get_fdata()[tuple(under.T)].clip(window.low, window.high)
        np.testing.assert_allclose(window.to_parent_scale(values), expected, rtol=1e-5, atol=0.01)


@pytest.mark.slow
def test_contrast_is_comparable_whatever_the_scanners_scale(flair_rois):
    scales = [roi.windows[0].high for _, roi in flair_rois]
    contrasts = [roi.image[0][roi.mask].std() for _, roi in flair_rois]
    clipped = [np.mean(roi.image[0][roi.mask] == 1) for _, roi in flair_rois]
    if len(flair_rois) > 10:
        assert max(scales) / min(scales) > 50
    assert max(contrasts) / min(contrasts) < 3
    assert max(clipped) < 0.05


@pytest.mark.slow
def test_stripped_brains_give_no_warning(flair_rois):
    assert [(case.name, roi.warnings) for case, roi in flair_rois if roi.warnings] == []


def test_four_sequences_at_two_millimetres_keep_the_volume(real_cases):
    case = real_cases[0]
    images = {name: read_image(path) for name, path in case.sequences.items()}
    labels = read_segmentation(case.segmentation)
    roi = extract_roi(images, labels, RoiSettings(size=(64, 64, 64), spacing_mm=2))
    true_ml = np.count_nonzero(labels.array) * labels.voxel_volume_ml
    assert roi.volume_ml == pytest.approx(true_ml, rel=0.05)
    back = put_back(roi, images["t2"], "t2")
    outside = labels.array == 0
    assert np.mean(back.array[outside] != images["t2"].array[outside]) < 0.01


@pytest.mark.slow
def test_every_file_round_trips(real_cases, tmp_path):
    for case in real_cases[::6]:
        for path in (*case.sequences.values(), case.segmentation):
            write_volume(read_image(path), tmp_path / "again.nii.gz")
            first, second = nib.load(path), nib.load(tmp_path / "again.nii.gz")
            np.testing.assert_array_equal(second.affine, first.affine)
            np.testing.assert_array_equal(second.get_fdata(), first.get_fdata())
