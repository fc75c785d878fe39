"""A study with real patients: their sides, and nothing that names them."""

import nibabel as nib
import numpy as np
import pytest

from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.workflows.generate import GenerationRequest, generate_to_folder
from napari_tumor_synth.workflows.study_new import StudyRequest, new_study

CUT = RoiSettings(size=(64, 64, 64), spacing_mm=2.0)


@pytest.fixture(scope="module")
def made(real_cases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    for case in real_cases:
        cohort = folder / "cohort" / case.class_name / case.name
        cohort.mkdir(parents=True)
        for path in (*case.sequences.values(), case.segmentation):
            (cohort / path.name).symlink_to(path)
    prepare_cohort(folder / "cohort", folder / "cache", CUT, workers=2)
    generate_to_folder(GenerationRequest(("HGG", "LGG"), range(8)), folder / "samples")
    design = StudyDesign(
        real=16, synthetic=16, training=0, repeats=0, block_size=16, readers=("R1", "R2")
    )
    samples = (("bundled", folder / "samples"),)
    return new_study(StudyRequest(design, folder / "cache", samples, folder / "study"))


def brightness_offset(values, places):
    """Return where bright voxels lie from the middle of a tumour: 3 numbers."""
    weights = values - values.min()
    return (weights[:, None] * places).sum(0) / weights.sum() - places.mean(0)


def test_sides_of_patients_are_those_of_their_scans(made, real_cases):
    key = read_key_file(made.key, made.study.file)
    shown, scanned = [], []
    by_name = {case.name: case for case in real_cases}
    for token, image in key.images.items():
        if image.truth != "real":
            continue
        array = made.study.image(token)
        inside = np.argwhere(array > 0)
        values = array[array > 0].astype(float)
        shown.append(brightness_offset(values, inside * 2.0)[::-1])  # (S, A, R) to (R, A, S)
        case = by_name[image.case]
        scan, labels = (nib.load(path) for path in (case.sequences["flair"], case.segmentation))
        tumour = np.asarray(labels.dataobj) > 0
        world = nib.affines.apply_affine(scan.affine, np.argwhere(tumour))
        bright = np.clip(
            scan.get_fdata()[tumour], *np.percentile(scan.get_fdata()[tumour], (1, 99))
        )
        scanned.append(brightness_offset(bright, world))
    assert len(shown) == 16
    for axis in range(3):
        assert np.corrcoef(np.array(shown)[:, axis], np.array(scanned)[:, axis])[0, 1] > 0.9


def test_nothing_for_readers_names_a_case(made, real_cases):
    files = [path for path in made.study.folder.rglob("*") if path.is_file()]
    assert len(files) == 1 + 32
    for path in files:
        content = path.read_bytes()
        for case in real_cases:
            assert case.name.encode() not in content
            assert case.name not in path.name


def test_eighteen_cases_cannot_pass_the_audit_unseen(made):
    assert made.audit.outcome in ("unclear", "warned")
    assert made.study.file.leak_audit == made.audit.outcome
