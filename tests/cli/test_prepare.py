"""What `tumor-synth prepare` says about ROIs that are doubtful."""

import pytest

from cohort_factory import write_case, write_nifti
from napari_tumor_synth.imaging.reading import read_image


@pytest.fixture
def doubtful(tmp_path):
    """Five cases, four of which on a background that is not 0."""
    for number in range(5):
        name = f"Phantom_LGG_{number:06d}"
        flair = write_case(tmp_path / "cohort", name, number) / f"{name}_flair.nii.gz"
        if number > 0:
            write_nifti(flair, read_image(flair).array.transpose(2, 1, 0) + number)
    return tmp_path / "cohort"


def test_warnings_are_told_by_kind_with_a_few_names(run, doubtful, tmp_path):
    given = ["prepare", doubtful, "--out", tmp_path / "cache", "--workers", 1]
    given += ["--size", 8, "--spacing", 0.5]
    outcome = run(*given, "--quiet")
    first = ", ".join(f"Phantom_LGG_{number:06d}" for number in (1, 2, 3))
    lines = outcome.err.splitlines()
    background = [line for line in lines if "the background is not 0" in line]
    assert len(background) == 1
    assert background[0].startswith(f"Warning: 4 of 5 ROIs ({first}, ...): flair: the background")
    cut_off = [line for line in lines if "lies outside the box of 4 x 4 x 4 mm" in line]
    assert len(cut_off) == 1

    again = run(*given, "--json")
    counts = {one["example"][:9]: one["count"] for one in again.json["warnings"]}
    assert counts["flair: th"] == 4
    entries = again.json
    assert entries["warned"] == 5
    assert 0 < entries["cut_off"] <= 5
    assert f"Warning: {entries['cut_off']} of 5 ROIs" in cut_off[0]
    assert 0 < entries["largest_lost_fraction"] < 1


def test_nothing_is_said_about_sound_rois(run, tmp_path):
    write_case(tmp_path / "cohort", "Phantom_LGG_000000")
    given = ["prepare", tmp_path / "cohort", "--out", tmp_path / "cache", "--workers", 1]
    outcome = run(*given, "--size", 16, "--json")
    assert outcome.err == ""
    assert outcome.json["warnings"] == []
    assert (outcome.json["warned"], outcome.json["cut_off"]) == (0, 0)
    assert outcome.json["largest_lost_fraction"] == 0
