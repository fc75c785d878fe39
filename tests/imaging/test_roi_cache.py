import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort_factory import SMALL, write_case, write_cohort
from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi_cache import RoiCache, store_array


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepare_cohort(write_cohort(folder / "cohort", 3), folder / "cache", SMALL, workers=1)
    return folder / "cache"


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(prepared, tmp_path / "cache")


def edit_manifest(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_rois_are_read_from_the_disk_and_cannot_be_written(prepared):
    cache = RoiCache.open(prepared)
    stored, loaded = cache.memmap(2), cache.load(2)
    assert isinstance(stored, np.memmap)
    assert stored.shape == loaded.shape == (1, 16, 16, 16)
    assert (stored.dtype, loaded.dtype) == (np.float16, np.float32)
    np.testing.assert_array_equal(stored, loaded)
    with pytest.raises(ValueError, match="read-only"):
        stored[0, 0, 0, 0] = 0
    loaded[:] = 0
    assert cache.load(2).min() == -1


def test_splits_and_classes_are_numbered(prepared):
    cache = RoiCache.open(prepared)
    assert [cache.class_index(index) for index in range(6)] == [0, 0, 0, 1, 1, 1]
    splits = [cache.indices(split) for split in ("train", "validation", "test")]
    assert sorted(index for indices in splits for index in indices) == list(range(6))
    assert [len(indices) for indices in splits] == [2, 2, 2]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(float(np.float32(-0.9)), 1, width=32), min_size=1, max_size=20))
def test_what_half_precision_keeps(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("store")
    image = np.array([-1.0, *values], np.float32)
    file, _ = store_array(folder, "case", image)
    stored = np.load(folder / "arrays" / file).astype(np.float32)
    assert stored[0] == -1
    assert (stored[1:] > -1).all()
    np.testing.assert_allclose(stored, image, rtol=0, atol=2.0**-12)


def test_a_file_is_named_after_its_case_and_contents(tmp_path):
    one, two = np.zeros((1, 2, 2, 2), np.float32), np.ones((1, 2, 2, 2), np.float32)
    first, digest = store_array(tmp_path, "../Fall Ä 7/x", one)
    assert first == f"Fall_7_x-{digest[:16]}.npy"
    inode = (tmp_path / "arrays" / first).stat().st_ino
    assert store_array(tmp_path, "../Fall Ä 7/x", one) == (first, digest)
    assert (tmp_path / "arrays" / first).stat().st_ino == inode
    assert store_array(tmp_path, "../Fall Ä 7/x", two)[0] != first
    assert len(list((tmp_path / "arrays").iterdir())) == 2


def test_the_hash_covers_what_determines_the_data_and_nothing_else(folder):
    before = RoiCache.open(folder).manifest_hash
    moved = shutil.move(folder, folder.with_name("elsewhere"))
    edit_manifest(moved, lambda m: m["failed"].append({"name": "x", "reason": "y"}))
    edit_manifest(moved, lambda m: m["entries"][0].update(file="renamed.npy", warnings=["doubt"]))
    assert RoiCache.open(moved).manifest_hash == before
    seen = {before}
    for key, value in (("class_name", "LGG"), ("patient", "Z"), ("sha256", "0"), ("name", "N")):
        edit_manifest(moved, lambda m, k=key, v=value: m["entries"][0].update({k: v}))
        seen.add(RoiCache.open(moved).manifest_hash)
    edit_manifest(moved, lambda m: m["plan"]["settings"].update(spacing_mm=2.0))
    seen.add(RoiCache.open(moved).manifest_hash)
    assert len(seen) == 6


@pytest.mark.parametrize("how", ["missing", "truncated", "other shape", "pickle", "no array"])
def test_a_damaged_file_is_named_with_its_case(folder, how):
    cache = RoiCache.open(folder)
    entry = cache.entries[1]
    path = folder / "arrays" / entry.file
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[:-10])
    elif how == "other shape":
        np.save(path, np.zeros((1, 8, 8, 8), np.float16))
    elif how == "pickle":
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(b"not an array")
    for read in (cache.load, cache.memmap):
        with pytest.raises(CohortError, match=f"case {entry.name} .*cannot be used"):
            read(1)
    assert cache.load(0).shape == (1, 16, 16, 16)
    with pytest.raises(CohortError, match=f"case {entry.name} "):
        RoiCache.open(folder, verify=True)


def test_a_changed_voxel_is_found_by_verifying(folder):
    entry = RoiCache.open(folder, verify=True).entries[3]
    path = folder / "arrays" / entry.file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert RoiCache.open(folder).load(3).shape == (1, 16, 16, 16)
    with pytest.raises(CohortError, match=f"{entry.name} .* its contents have changed"):
        RoiCache.open(folder, verify=True)


@settings(deadline=None, max_examples=200)
@given(position=st.integers(0, 127), value=st.integers(0, 255))
def test_a_damaged_header_is_refused_or_harmless(prepared, tmp_path_factory, position, value):
    folder = tmp_path_factory.mktemp("damaged") / "cache"
    shutil.copytree(prepared, folder)
    cache = RoiCache.open(folder)
    path = folder / "arrays" / cache.entries[0].file
    content = bytearray(path.read_bytes())
    content[position] = value
    path.write_bytes(content)
    try:
        loaded = cache.load(0)
    except CohortError as error:
        problem = error.problem
    else:
        assert loaded.shape == (1, 16, 16, 16)
        return
    assert cache.entries[0].name in problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m["plan"].update(format=2), "written by a newer version"),
        (lambda m: m["plan"].update(format="x"), "is damaged"),
        (lambda m: m.pop("plan"), "is damaged"),
        (lambda m: m["entries"][0].pop("sha256"), "is damaged"),
        (lambda m: m["entries"][0].update(file="../../secret.npy"), "is damaged"),
        (lambda m: m["entries"][0].update(split="training"), "is damaged"),
        (lambda m: m["plan"]["settings"].update(size=[1, 1, 1]), "is damaged"),
        (
            lambda m: (
                m["entries"][0].update(patient=m["entries"][1]["patient"], split="train")
                or m["entries"][1].update(split="test")
            ),
            "is in the splits",
        ),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(folder, change, problem):
    edit_manifest(folder, change)
    with pytest.raises(CohortError, match=problem) as caught:
        RoiCache.open(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"plan": 3}', "{"])
def test_a_manifest_that_is_none_is_refused(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(CohortError, match="is damaged"):
        RoiCache.open(folder)


def test_a_folder_without_cache_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CohortError, match="holds no finished ROI cache"):
            RoiCache.open(folder)


def test_cases_of_unknown_class(tmp_path):
    write_case(tmp_path / "cohort", "Brats18_CBICA_A_1")
    write_case(tmp_path / "cohort", "Brats18_CBICA_B_1", 1)
    cache = prepare_cohort(tmp_path / "cohort", tmp_path / "one", SMALL, workers=1)
    assert cache.classes == ()
    assert [cache.class_index(index) for index in range(2)] == [0, 0]
    write_case(tmp_path / "cohort" / "LGG", "Brats18_CBICA_C_1", 2)
    cache = prepare_cohort(tmp_path / "cohort", tmp_path / "two", SMALL, workers=1)
    assert cache.classes == ("LGG",)
    assert cache.class_index(2) == 0
    with pytest.raises(CohortError, match="class of case Brats18_CBICA_A_1 is unknown"):
        cache.class_index(0)
