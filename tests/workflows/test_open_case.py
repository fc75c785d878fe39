from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from cohort_factory import write_case
from napari_tumor_synth.errors import (
    EmptySegmentationError,
    GridMismatchError,
    InputError,
    VolumeError,
)
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.workflows.case_files import find_files
from napari_tumor_synth.workflows.open_case import case_of_files, open_case


@pytest.fixture
def case(tmp_path):
    return find_files([write_case(tmp_path / "LGG", "Brats18_CBICA_L00_1")]).cases[0]


def test_all_sequences_and_the_meaning_of_labels(case):
    opened = open_case(case)
    assert set(opened.images) == {"flair", "t1ce"}
    assert opened.labels == {2: "oedema"}
    assert not opened.frame.is_oblique
    assert opened.case.class_name == "LGG"
    assert all(image.same_grid_as(opened.segmentation) for image in opened.images.values())


def test_chosen_sequences_alone_are_read(case):
    assert set(open_case(case, ["t1ce"]).images) == {"t1ce"}
    with pytest.raises(InputError, match="has no t2 image"):
        open_case(case, ["t2"])


def test_progress_and_cancelling(case):
    steps = []
    open_case(case, on_progress=lambda progress: steps.append((progress.step, progress.total)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        open_case(case, on_progress=stop)


def test_files_of_any_name(case):
    opened = open_case(case_of_files(case.sequences["t1ce"], case.segmentation, "t1ce"))
    assert set(opened.images) == {"t1ce"}
    assert opened.labels == {2: "label 2"}


def test_what_must_not_be_shown(case, tmp_path):
    image, segmentation = case.sequences["flair"], case.segmentation
    with pytest.raises(VolumeError, match="swapped"):
        open_case(case_of_files(segmentation, image))
    with pytest.raises(InputError, match="as image and as segmentation"):
        open_case(case_of_files(segmentation, segmentation))
    nib.save(nib.Nifti1Image(np.zeros((20, 20, 20), np.uint8), np.eye(4)), tmp_path / "e.nii.gz")
    with pytest.raises(EmptySegmentationError, match="holds no tumour"):
        open_case(replace(case, segmentation=tmp_path / "e.nii.gz"))
    nib.save(nib.Nifti1Image(np.ones((20, 20, 21), np.uint8), np.eye(4)), tmp_path / "o.nii.gz")
    with pytest.raises(GridMismatchError, match="flair and segmentation"):
        open_case(replace(case, segmentation=tmp_path / "o.nii.gz"))
