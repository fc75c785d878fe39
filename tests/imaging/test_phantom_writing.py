import json
from pathlib import Path

import numpy as np
import pytest

from napari_tumor_synth.errors import CohortError, InputError, OutputError, UnknownClassError
from napari_tumor_synth.imaging.cohort import find_cases
from napari_tumor_synth.imaging.phantom import case_record, writing
from napari_tumor_synth.imaging.phantom.case_record import PHANTOM_FORMAT
from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import PhantomCase, PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.progress import Cancelled, Progress

FLAIR = PhantomSettings(sequences=("flair",))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Put small cases of voxels 1, 2, … in the place of phantoms; lists those that were made."""
    made: list[tuple[str, int]] = []

    def made_small(class_name: str, seed: int, settings: PhantomSettings) -> PhantomCase:
        made.append((class_name, seed))
        image = Volume(np.full((4, 5, 6), len(made), np.float32), np.eye(4))
        labels = Volume(np.ones((4, 5, 6), np.uint8), np.eye(4))
        images = dict.fromkeys(settings.sequences, image)
        return PhantomCase(images, labels, class_name, seed, settings)

    monkeypatch.setattr(writing, "make_phantom", made_small)
    return made


def write(out: Path, count: int = 1, seed: int = 0, **options) -> list[Path]:
    return write_phantoms(out, count, seed, settings=FLAIR, **{"workers": 1, **options})


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_hold_the_case_and_are_found_as_a_cohort(tmp_path: Path) -> None:
    steps: list[Progress] = []
    folders = write(tmp_path, seed=7, on_progress=steps.append)
    assert [str(folder.relative_to(tmp_path)) for folder in folders] == [
        "LGG/Phantom_LGG_000007",
        "HGG/Phantom_HGG_000007",
    ]
    assert files_below(tmp_path) == {
        f"{name}/Phantom_{name}_000007/Phantom_{name}_000007{end}"
        for name in ("LGG", "HGG")
        for end in ("_flair.nii.gz", "_seg.nii.gz", ".json")
    }
    record = (folders[0] / "Phantom_LGG_000007.json").read_text()
    assert json.loads(record) == {
        "phantom_format": PHANTOM_FORMAT,
        "settings": FLAIR.model_dump(mode="json"),
    }
    assert str(tmp_path) not in record
    assert [(step.step, step.total) for step in steps] == [(1, 2), (2, 2)]
    case = make_phantom("LGG", 7, FLAIR)
    image = read_image(folders[0] / "Phantom_LGG_000007_flair.nii.gz")
    labels = read_segmentation(folders[0] / "Phantom_LGG_000007_seg.nii.gz")
    np.testing.assert_array_equal(image.array, case.images["flair"].array)
    np.testing.assert_array_equal(labels.array, case.segmentation.array)
    np.testing.assert_allclose(image.affine, case.images["flair"].affine)
    assert {(found.name, found.class_name) for found in find_cases(tmp_path)} == {
        ("Phantom_LGG_000007", "LGG"),
        ("Phantom_HGG_000007", "HGG"),
    }


def test_a_second_call_makes_only_what_is_missing(
    tmp_path: Path, small: list[tuple[str, int]]
) -> None:
    first = write(tmp_path, classes=("LGG",))[0] / "Phantom_LGG_000000_flair.nii.gz"
    before = first.stat().st_mtime_ns
    folders = write(tmp_path, count=2, classes=("LGG",))
    assert small == [("LGG", 0), ("LGG", 1)]
    assert first.stat().st_mtime_ns == before
    assert all(len(files_below(folder)) == 3 for folder in folders)
    first.unlink()
    write(tmp_path, count=2, classes=("LGG",))
    assert small == [("LGG", 0), ("LGG", 1), ("LGG", 0)]
    assert first.is_file()


def parts_of(folder: Path) -> dict[str, str]:
    """Return the value of the small cases' voxels by part."""
    return {
        path.name.removesuffix(".nii.gz").split("_")[-1]: str(read_image(path).array.max())
        for path in folder.glob("*.nii.gz")
    }


def test_other_sequences_join_a_case(tmp_path: Path, small: list[tuple[str, int]]) -> None:
    folder = write(tmp_path, classes=("LGG",))[0]
    flair = folder / f"{folder.name}_flair.nii.gz"
    before = flair.stat().st_mtime_ns
    t2 = PhantomSettings(sequences=("t2",))
    for _ in range(2):
        write_phantoms(tmp_path, 1, 0, classes=("LGG",), settings=t2, workers=1)
        write(tmp_path, classes=("LGG",))
    assert set(parts_of(folder)) == {"flair", "t2", "seg"}
    assert len(small) == 2
    assert flair.stat().st_mtime_ns == before
    assert [path.name for path in (tmp_path / "LGG").iterdir()] == [folder.name]


def test_other_settings_make_a_case_anew_with_all_its_sequences(
    tmp_path: Path, small: list[tuple[str, int]]
) -> None:
    both = PhantomSettings(sequences=("flair", "t2"))
    (folder,) = write_phantoms(tmp_path, 1, 0, classes=("LGG",), settings=both, workers=1)
    (folder / "notes.txt").write_text("the user's")
    quiet = PhantomSettings(sequences=("flair",), noise=0)
    for _ in range(2):
        write_phantoms(tmp_path, 1, 0, classes=("LGG",), settings=quiet, workers=1)
    assert len(small) == 2
    assert parts_of(folder) == {"flair": "2.0", "t2": "2.0", "seg": "1.0"}
    assert (folder / "notes.txt").read_text() == "the user's"


@pytest.mark.parametrize("record", ["none", "damaged", "of another version"])
def test_cases_that_nothing_vouches_for_are_made_anew(
    record: str, tmp_path: Path, small: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = write(tmp_path, classes=("LGG",))
    path = folder / f"{folder.name}.json"
    if record == "none":
        path.unlink()
    if record == "damaged":
        path.write_text("{")
    if record == "of another version":
        monkeypatch.setattr(case_record, "PHANTOM_FORMAT", PHANTOM_FORMAT + 1)
    write(tmp_path, classes=("LGG",))
    assert small == [("LGG", 0), ("LGG", 0)]


def test_a_case_that_is_half_replaced_counts_as_incomplete(
    tmp_path: Path, small: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = write(tmp_path, classes=("LGG",))
    real = writing.os.replace

    def replace(source: Path, target: Path) -> None:
        if target.parent == folder:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as killed:
        killed.setattr(writing.os, "replace", replace)
        quiet = PhantomSettings(sequences=("flair",), noise=0)
        with pytest.raises(KeyboardInterrupt):
            write_phantoms(tmp_path, 1, 0, classes=("LGG",), settings=quiet, workers=1)
    assert set(parts_of(folder)) == {"flair"}
    with pytest.raises(CohortError, match="No complete case"):
        find_cases(tmp_path)
    write(tmp_path, classes=("LGG",))
    assert set(parts_of(folder)) == {"flair", "seg"}


def test_what_a_killed_call_was_writing_is_removed(
    tmp_path: Path, small: list[tuple[str, int]]
) -> None:
    rest = tmp_path / "LGG" / ".writing-abc"
    rest.mkdir(parents=True)
    (rest / "Phantom_LGG_000000_flair.nii.gz").touch()
    (folder,) = write(tmp_path, classes=("LGG",))
    assert list((tmp_path / "LGG").iterdir()) == [folder]


def test_a_full_disk_leaves_no_half_written_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: list[tuple[str, int]]
) -> None:
    real = writing.write_volume

    def full_at_the_segmentation(volume, path, **options):
        if "_seg" in path.name:
            raise OutputError("The disk is full.", "Free some space.")
        real(volume, path, **options)

    monkeypatch.setattr(writing, "write_volume", full_at_the_segmentation)
    with pytest.raises(OutputError):
        write(tmp_path, classes=("HGG",))
    assert files_below(tmp_path) == set()
    assert list((tmp_path / "HGG").iterdir()) == []


def test_cancelling_keeps_what_is_finished(tmp_path: Path, small: list[tuple[str, int]]) -> None:
    def stop(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write(tmp_path, count=3, classes=("LGG",), on_progress=stop)
    assert len(files_below(tmp_path)) == 3
    assert small == [("LGG", 0)]


def test_bad_wishes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "new"
    with pytest.raises(UnknownClassError, match="HGG, LGG"):
        write(out, classes=("LGG", "BRAF"))
    with pytest.raises(InputError, match="0 phantoms"):
        write(out, count=0)
    assert not out.exists()


@pytest.mark.slow
def test_two_processes_make_the_same_files_as_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, seed=3)
    write(two, seed=3, workers=2)
    assert files_below(one) == files_below(two)
    for name in files_below(one):
        if name.endswith(".json"):
            assert (one / name).read_bytes() == (two / name).read_bytes()
            continue
        read = read_segmentation if "_seg" in name else read_image
        np.testing.assert_array_equal(read(one / name).array, read(two / name).array)
