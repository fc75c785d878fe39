import shutil
from pathlib import Path

import numpy as np
import pytest

from cohort_factory import write_case, write_cohort, write_nifti
from napari_tumor_synth.errors import CohortError, InputError, VolumeError
from napari_tumor_synth.workflows.case_files import FoundFiles, find_files, pair_up

NAME = "Brats18_CBICA_H00_1"


@pytest.fixture
def case(tmp_path) -> Path:
    return write_case(tmp_path / "HGG", NAME)


def renamed(case: Path, folder: Path, image: str, segmentation: str) -> tuple[Path, Path]:
    folder.mkdir()
    files = folder / image, folder / segmentation
    shutil.copyfile(case / f"{NAME}_flair.nii.gz", files[0])
    shutil.copyfile(case / f"{NAME}_seg.nii.gz", files[1])
    return files


def test_a_folder_of_one_case(case):
    found = find_files([case])
    assert [one.name for one in found.cases] == [NAME]
    assert found.cases[0].class_name == "HGG"
    assert set(found.cases[0].sequences) == {"flair", "t1ce"}


@pytest.mark.parametrize("part", ["flair", "t1ce"])
def test_one_file_of_a_case_brings_the_others(case, part):
    found = find_files([case / f"{NAME}_{part}.nii.gz"])
    assert found.chosen == part
    assert set(found.cases[0].sequences) == {"flair", "t1ce"}
    assert found.cases[0].segmentation == case / f"{NAME}_seg.nii.gz"
    assert found.cases[0].class_name == "HGG"


def test_image_and_segmentation_of_a_case(case):
    found = find_files([case / f"{NAME}_seg.nii.gz", case / f"{NAME}_t1ce.nii.gz"])
    assert found.chosen == "t1ce"
    assert len(found.cases) == 1


def test_a_cohort_gives_all_its_cases_and_says_what_is_left_out(tmp_path):
    write_cohort(tmp_path, per_class=2)
    (tmp_path / "LGG" / "Brats18_CBICA_L01_1" / "Brats18_CBICA_L01_1_seg.nii.gz").unlink()
    found = find_files([tmp_path])
    assert [one.class_name for one in found.cases] == ["HGG", "HGG", "LGG"]
    assert any("Brats18_CBICA_L01_1 is left out" in note for note in found.notes)


def test_a_table_is_a_cohort(case, tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text(
        "patient,class,flair,segmentation\n"
        f"p,LGG,{case}/{NAME}_flair.nii.gz,{case}/{NAME}_seg.nii.gz\n"
    )
    assert [one.class_name for one in find_files([table]).cases] == ["LGG"]


@pytest.mark.parametrize(
    ("image", "segmentation"),
    [
        ("scan.nii.gz", "scan_seg.nii.gz"),
        ("a.nii.gz", "a-labels.nii.gz"),
        ("a.nii.gz", "Mask.nii.gz"),
        ("a.nii.gz", "b.nii.gz"),  # by content
        ("segment_of_brain.nii.gz", "tumour.nii.gz"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_names_or_content_tell_the_segmentation(case, tmp_path, image, segmentation, swapped):
    files = renamed(case, tmp_path / "other", image, segmentation)
    found = find_files(files[::-1] if swapped else files)
    assert (found.image, found.segmentation) == files
    assert find_files([tmp_path / "other"]) == found


def test_one_file_alone_goes_where_it_belongs(case, tmp_path):
    image, segmentation = renamed(case, tmp_path / "other", "scan.nii.gz", "scan_seg.nii.gz")
    assert find_files([image]).image == image
    assert find_files([segmentation]).segmentation == segmentation


def test_an_image_whose_segmentation_is_elsewhere_is_an_image(case):
    (case / f"{NAME}_seg.nii.gz").unlink()
    image = case / f"{NAME}_flair.nii.gz"
    assert find_files([image]).image == image


def test_two_of_a_kind_are_not_guessed(case, tmp_path):
    folder = tmp_path / "other"
    write_nifti(folder / "a.nii.gz", np.eye(4, dtype=np.uint8)[None])
    write_nifti(folder / "b.nii.gz", np.eye(4, dtype=np.uint8)[None])
    with pytest.raises(InputError, match="Neither name nor content"):
        find_files([folder / "a.nii.gz", folder / "b.nii.gz"])


def test_dicom_is_answered_with_a_converter(tmp_path):
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "0001").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 100)
    with pytest.raises(VolumeError, match="dcm2niix"):
        find_files([tmp_path / "series"])
    with pytest.raises(VolumeError, match="dcm2niix"):
        find_files([tmp_path / "series" / "0001"])


def test_what_cannot_be_understood(case, tmp_path):
    with pytest.raises(InputError, match="Nothing was given"):
        find_files([])
    with pytest.raises(InputError, match="one folder"):
        find_files([case, case / f"{NAME}_flair.nii.gz"])
    with pytest.raises(VolumeError, match="does not exist"):
        find_files([tmp_path / "no.nii.gz"])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(VolumeError, match="no known image format"):
        find_files([tmp_path / "notes.txt"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CohortError, match="No complete case"):
        find_files([tmp_path / "empty"])
    three = [write_case(tmp_path, f"x{n}") / f"x{n}_flair.nii.gz" for n in range(3)]
    with pytest.raises(InputError, match="3 files"):
        find_files(three)


def test_files_given_one_by_one_are_told_apart(case, tmp_path):
    image, labels = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    shutil.copy(case / f"{case.name}_flair.nii.gz", image)
    shutil.copy(case / f"{case.name}_seg.nii.gz", labels)
    for first, second in ((image, labels), (labels, image)):
        assert pair_up(first, second) == FoundFiles(image=image, segmentation=labels)
    twin = tmp_path / "c.nii.gz"
    shutil.copy(labels, twin)
    assert pair_up(labels, twin) == FoundFiles(image=labels, segmentation=twin)
    with pytest.raises(InputError, match="same file"):
        pair_up(image, image)
    with pytest.raises(InputError, match="same file"):
        find_files([image, image])
