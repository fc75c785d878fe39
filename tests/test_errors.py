"""Users read the errors: a sentence of what is wrong, then what to do."""

import pickle

import pytest

from napari_tumor_synth import errors
from napari_tumor_synth.progress import Cancelled

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.TumorSynthError)
]
WRONG_INPUT = {
    errors.VolumeError,
    errors.GridMismatchError,
    errors.EmptySegmentationError,
    errors.CohortError,
    errors.UnknownClassError,
    errors.CheckpointError,
    errors.GalleryError,
    errors.StudyError,
}


def test_text_is_the_problem_and_then_the_remedy():
    error = errors.VolumeError("scan.nii is not an image.", "Choose a NIfTI file.")

    assert str(error) == "scan.nii is not an image. Choose a NIfTI file."
    assert (error.problem, error.remedy) == ("scan.nii is not an image.", "Choose a NIfTI file.")


def test_text_has_no_loose_blank_without_a_remedy():
    assert str(errors.TumorSynthError("The disk is full.", "")) == "The disk is full."


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_crosses_processes_whole(kind):
    copy = pickle.loads(pickle.dumps(kind("It broke.", "Mend it.")))

    assert type(copy) is kind
    assert (copy.problem, copy.remedy) == ("It broke.", "Mend it.")


def test_what_the_user_gave_wrong_is_told_from_what_the_machine_lacks():
    assert {kind for kind in FAMILY if issubclass(kind, errors.InputError)} == (
        WRONG_INPUT | {errors.InputError}
    )


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_no_error_is_one_of_pythons_own(kind):
    """A worker that raises RuntimeError ends without a word in the napari window."""
    assert not issubclass(kind, RuntimeError | OSError | ValueError)


def test_cancelling_is_no_error_of_the_family():
    assert not issubclass(Cancelled, errors.TumorSynthError)
