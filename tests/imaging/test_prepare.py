import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from cohort_factory import SMALL, write_case, write_cohort
from napari_tumor_synth.errors import CohortError, OutputError
from napari_tumor_synth.imaging import prepare as preparing
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import Cancelled


@pytest.fixture
def cohort(tmp_path):
    return write_cohort(tmp_path / "cohort")


def prepare(cohort, out, settings=SMALL, **options):
    return prepare_cohort(cohort, out, settings, **{"workers": 1, **options})


def all_files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit_json(path, change):
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def test_the_cache_holds_the_rois_of_all_cases(cohort, tmp_path):
    steps = []
    out = tmp_path / "cache"
    made = prepare(cohort, out, sequences=("t1ce", "flair"), on_progress=steps.append)
    cache = RoiCache.open(out, verify=True)
    assert len(cache) == 8
    assert cache.manifest_hash == made.manifest_hash
    assert (cache.settings, cache.sequences) == (SMALL, ("t1ce", "flair"))
    assert cache.classes == ("HGG", "LGG")
    assert [(step.step, step.total) for step in steps] == [(n, 8) for n in range(1, 9)]
    assert {step.message for step in steps} == {entry.name for entry in cache.entries}
    for index, entry in enumerate(cache.entries):
        start = cohort / entry.class_name / entry.name / entry.name
        images = {s: read_image(f"{start}_{s}.nii.gz") for s in ("t1ce", "flair")}
        roi = extract_roi(images, read_segmentation(f"{start}_seg.nii.gz"), SMALL)
        stored = cache.load(index)
        np.testing.assert_allclose(stored, roi.image, rtol=0, atol=2.0**-12)
        np.testing.assert_array_equal(stored == -1, np.broadcast_to(~roi.mask, stored.shape))
        assert entry.windows == roi.windows
        assert entry.volume_ml == pytest.approx(roi.volume_ml)
        np.testing.assert_array_equal(entry.affine, roi.affine)
        assert entry.warnings == roi.warnings
        assert entry.class_name == ("LGG" if "_L" in entry.name else "HGG")
        assert entry.patient == entry.name.removeprefix("Brats18_").removesuffix("_1")


def test_splits_are_stratified_and_the_folder_is_marked_as_patient_data(cohort, tmp_path):
    cache = prepare(cohort, tmp_path / "cache", fractions={"train": 0.5, "test": 0.5})
    for split in ("train", "test"):
        classes = [cache.entries[index].class_name for index in cache.indices(split)]
        assert classes == ["HGG", "HGG", "LGG", "LGG"]
    assert cache.indices("validation") == []
    assert cache.patient_data
    assert (tmp_path / "cache" / "README.txt").read_text().startswith("PATIENT DATA")


def test_phantoms_are_not_marked_as_patient_data(tmp_path):
    write_case(tmp_path / "cohort" / "LGG", "Phantom_LGG_000001")
    cache = prepare(tmp_path / "cohort", tmp_path / "cache")
    assert not cache.patient_data
    assert "nothing in it comes from a patient" in (tmp_path / "cache" / "README.txt").read_text()
    write_case(tmp_path / "cohort" / "LGG", "Brats18_CBICA_AAA_1")
    assert prepare(tmp_path / "cohort", tmp_path / "cache").patient_data
    assert (tmp_path / "cache" / "README.txt").read_text().startswith("PATIENT DATA")


def test_no_folder_of_the_user_is_written_into_the_cache(cohort, tmp_path):
    write_case(cohort / "LGG", "Brats18_CBICA_EMPTY_1", empty=True)
    broken = write_case(cohort / "LGG", "Brats18_CBICA_TORN_1")
    (broken / "Brats18_CBICA_TORN_1_flair.nii.gz").write_bytes(b"\x1f\x8b")
    cache = prepare(cohort, tmp_path / "cache")
    assert len(cache.failed) == 2
    assert all(str(tmp_path).encode() not in c for c in all_files(tmp_path / "cache").values())


def test_processes_give_the_same_as_none(cohort, tmp_path):
    alone = prepare(cohort, tmp_path / "alone", workers=1)
    together = prepare(cohort, tmp_path / "together", workers=2)
    assert together.manifest_hash == alone.manifest_hash
    assert all_files(tmp_path / "alone") == all_files(tmp_path / "together")


def test_a_finished_cache_is_not_made_again(cohort, tmp_path):
    out = tmp_path / "cache"
    prepare(cohort, out)
    # a number that cutting again would correct
    edit_json(out / "manifest.json", lambda m: m["entries"][0].update(lost_fraction=0.123))
    before = {path: path.stat().st_mtime_ns for path in (out / "arrays").iterdir()}
    again = prepare(cohort, out)
    assert again.entries[0].lost_fraction == 0.123
    assert {path: path.stat().st_mtime_ns for path in (out / "arrays").iterdir()} == before


def test_a_cancelled_call_goes_on(cohort, tmp_path):
    def cancel_at_third(progress):
        if progress.step == 3:
            raise Cancelled

    out = tmp_path / "cache"
    with pytest.raises(Cancelled):
        prepare(cohort, out, workers=2, on_progress=cancel_at_third)
    assert multiprocessing.active_children() == []
    with pytest.raises(CohortError, match="no finished ROI cache"):
        RoiCache.open(out)
    journal = (out / "journal.jsonl").read_text().splitlines()
    finished = [line for line in journal if '"lost_fraction"' in line]
    assert len(finished) == 3
    marked = "\n".join(journal).replace('"lost_fraction":0.0', '"lost_fraction":0.123')
    (out / "journal.jsonl").write_text(marked + '\n{"name": "cut off by a ki')
    cache = prepare(cohort, out)
    assert [entry.lost_fraction for entry in cache.entries].count(0.123) == 3
    assert not (out / "journal.jsonl").exists()
    assert cache.manifest_hash == prepare(cohort, tmp_path / "straight").manifest_hash


def test_who_stops_a_resumed_call_does_not_wait_for_all_hashes(cohort, tmp_path, monkeypatch):
    prepare(cohort, tmp_path / "cache")
    hashed = []
    real = preparing._Job.still_good

    def still_good(job, earlier):
        hashed.append(job.case.name)
        time.sleep(0.1 * (len(hashed) > 1))  # so that the others have not begun when it is stopped
        return real(job, earlier)

    def stop(progress):
        raise Cancelled

    monkeypatch.setattr(preparing._Job, "still_good", still_good)
    with pytest.raises(Cancelled):
        prepare(cohort, tmp_path / "cache", on_progress=stop)
    assert len(hashed) < 8


KILLED = """
import sys, time
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings

def on_progress(progress):
    print(progress.step, flush=True)
    time.sleep(0.2)

if __name__ == "__main__":
    settings = RoiSettings(size=(16, 16, 16))
    prepare_cohort(sys.argv[1], sys.argv[2], settings, workers=2, on_progress=on_progress)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_call_goes_on_and_leaves_no_processes(cohort, tmp_path):
    out = tmp_path / "cache"
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, str(tmp_path / "killed.py"), str(cohort), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for expected in ("1\n", "2\n"):
            assert process.stdout.readline() == expected
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert not (out / "manifest.json").exists()
    (out / "arrays" / ".writing-left.npy").touch()
    cache = prepare(cohort, out)
    assert len(RoiCache.open(out, verify=True)) == 8
    assert cache.manifest_hash == prepare(cohort, tmp_path / "straight").manifest_hash
    assert not list(out.rglob(".writing-*"))


def test_only_what_changed_is_made_again(cohort, tmp_path):
    out = tmp_path / "cache"
    before = prepare(cohort, out)
    edit_json(
        out / "manifest.json", lambda m: [e.update(lost_fraction=0.123) for e in m["entries"]]
    )
    files = all_files(out / "arrays")
    write_case(cohort / "LGG", "Brats18_CBICA_L01_1", seed=77)
    (out / "arrays" / before.entries[0].file).write_bytes(b"damaged")
    after = prepare(cohort, out)
    made_again = [entry.name for entry in after.entries if entry.lost_fraction != 0.123]
    assert made_again == ["Brats18_CBICA_H00_1", "Brats18_CBICA_L01_1"]
    replaced = set(files) - set(all_files(out / "arrays"))
    assert replaced == {e.file for e in before.entries if e.name == "Brats18_CBICA_L01_1"}
    assert after.manifest_hash != before.manifest_hash
    RoiCache.open(out, verify=True)


def test_no_roi_of_a_removed_case_stays(cohort, tmp_path):
    out = tmp_path / "cache"
    before = prepare(cohort, out)
    (out / "arrays" / "notes.npy").write_bytes(b"the user's")
    shutil.rmtree(cohort / "LGG" / "Brats18_CBICA_L01_1")
    after = prepare(cohort, out)
    assert len(after) == len(before) - 1
    named = {entry.file for entry in after.entries}
    assert {path.name for path in (out / "arrays").iterdir()} == named | {"notes.npy"}


def test_a_grown_cohort_keeps_its_splits(cohort, tmp_path):
    out = tmp_path / "cache"
    before = {entry.patient: entry.split for entry in prepare(cohort, out).entries}
    write_cohort(cohort, per_class=9)
    after = {entry.patient: entry.split for entry in prepare(cohort, out).entries}
    assert len(after) == 18
    assert {patient: after[patient] for patient in before} == before


def test_a_corrected_class_needs_no_new_cut(cohort, tmp_path):
    out = tmp_path / "cache"
    before = prepare(cohort, out)
    name = "Brats18_CBICA_L01_1"
    (cohort / "LGG" / name).rename(cohort / "HGG" / name)
    after = prepare(cohort, out)
    ((old, new),) = [
        pair for pair in zip(before.entries, after.entries, strict=True) if pair[0] != pair[1]
    ]
    assert (new.name, new.class_name, new.sha256) == (name, "HGG", old.sha256)
    assert after.manifest_hash != before.manifest_hash


def test_failing_and_incomplete_cases_are_listed(cohort, tmp_path):
    write_case(cohort / "LGG", "Brats18_CBICA_EMPTY_1", empty=True)
    partial = write_case(cohort / "LGG", "Brats18_CBICA_PART_1")
    (partial / "Brats18_CBICA_PART_1_flair.nii.gz").unlink()
    steps = []
    cache = prepare(cohort, tmp_path / "cache", on_progress=steps.append)
    assert len(cache) == 8
    assert len(steps) == 9
    empty, missing = (str(failure) for failure in cache.failed)
    assert empty.startswith("Brats18_CBICA_EMPTY_1: The segmentation is empty")
    assert missing == "Brats18_CBICA_PART_1: it has no flair image"


def test_when_all_cases_fail_the_first_reason_is_told_and_other_settings_may_follow(tmp_path):
    write_case(tmp_path / "cohort", "Brats18_CBICA_A_1")
    out = tmp_path / "cache"
    with pytest.raises(CohortError, match="None of the 1 cases could be cut") as caught:
        prepare(tmp_path / "cohort", out, RoiSettings(size=(16, 16, 16), labels=(4,)))
    assert "Brats18_CBICA_A_1" in caught.value.remedy
    assert len(prepare(tmp_path / "cohort", out)) == 1


@pytest.mark.parametrize(
    ("names", "labels", "words"),
    [
        (["BraTS-GLI-00000-000"], (1, 4), r"Label 4 .* 1 of 1 .*is 3\. Use --labels 1,3 for"),
        (["BraTS-SSA-00000-000"], (4,), r"is 3\. Use --labels 3 for"),
        (["Brats18_CBICA_A_1"], (1, 3), r"Label 3 .* Brats18_CBICA_A_1, .*is 4\. Use --labels 1,4"),
        (["Phantom_LGG_000001"], (2, 3, 4), r"is 4\. Use --labels 2,4 for"),
        (
            ["BraTS-GLI-00000-000", "Brats18_CBICA_A_1"],
            (1, 2, 4),
            r"1 of 2 cases, such as BraTS-GLI.* apart\. Use --labels 1,2,3 for",
        ),
    ],
)
def test_the_enhancing_label_of_another_release_is_refused(tmp_path, names, labels, words):
    for name in names:
        write_case(tmp_path / "cohort", name)
    with pytest.raises(CohortError, match=words):
        prepare(tmp_path / "cohort", tmp_path / "out", RoiSettings(size=(16,) * 3, labels=labels))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("labels", [None, (1, 2), (2, 3)])
def test_labels_that_a_release_has_are_taken(tmp_path, labels):
    write_case(tmp_path / "cohort", "BraTS-GLI-00000-000")
    settings = RoiSettings(size=(16, 16, 16), labels=labels)
    (entry,) = prepare(tmp_path / "cohort", tmp_path / "out", settings).entries
    assert entry.label_scheme == "enhancing-3"


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"settings": RoiSettings(size=(8, 16, 16))}, r"size is \(16, 16, 16\), not \(8, 16, 16\)"),
        ({"settings": RoiSettings(size=(16, 16, 16), labels=(2,))}, "labels is None"),
        ({"sequences": ("t1ce",)}, "sequences is"),
        ({"seed": 1}, "seed is 0, not 1"),
        ({"fractions": {"train": 1.0}}, "fractions is"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_cache_of_other_settings_is_left_alone(tmp_path, options, difference, finished):
    def stop(progress):
        if not finished:
            raise Cancelled

    cohort, out = write_cohort(tmp_path / "cohort", 1), tmp_path / "cache"
    if finished:
        prepare(cohort, out)
    else:
        with pytest.raises(Cancelled):
            prepare(cohort, out, on_progress=stop)
    before = all_files(out)
    with pytest.raises(CohortError, match=f"other settings: {difference}"):
        prepare(cohort, out, **options)
    assert all_files(out) == before


def test_a_folder_with_other_files_is_left_alone(cohort, tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "README.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files, such as README\.txt"):
        prepare(cohort, out)
    assert all_files(out) == {"README.txt": b"mine"}
    with pytest.raises(OutputError, match="Cannot write"):
        prepare(cohort, out / "README.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_stops_the_work_without_torn_files(cohort, tmp_path, workers):
    import resource

    out = tmp_path / "cache"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # workers inherit it
    try:
        with pytest.raises(OutputError, match=r"Cannot write .*arrays"):
            prepare(cohort, out, workers=workers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((out / "arrays").iterdir()) == []
    assert len(prepare(cohort, out)) == 8


@pytest.mark.parametrize("sequences", [(), ("flair", "flair"), ("",)])
def test_a_senseless_list_of_sequences_is_refused(cohort, tmp_path, sequences):
    with pytest.raises(CohortError, match="no list of sequences"):
        prepare(cohort, tmp_path / "cache", sequences=sequences)
    assert not (tmp_path / "cache").exists()


def test_a_sequence_that_nobody_has_is_refused_before_anything_is_written(cohort, tmp_path):
    with pytest.raises(CohortError, match="No complete case") as caught:
        prepare(cohort, tmp_path / "cache", sequences=("flair", "dwi"))
    assert "no dwi image" in caught.value.remedy
    assert not (tmp_path / "cache").exists()


@pytest.mark.real_data
def test_all_real_cases_are_prepared(real_cases, tmp_path):
    root = real_cases[0].segmentation.parents[3]
    cache = prepare(root, tmp_path / "cache", RoiSettings(size=(64, 64, 64), spacing_mm=2))
    assert (len(cache), cache.failed) == (18, ())
    for index, entry in enumerate(cache.entries):
        tumour = cache.load(index)[0][cache.load(index)[0] > -1]
        assert entry.lost_fraction == 0
        # scales of the files differ a hundredfold; ROIs have comparable levels and contrast
        assert 0 < tumour.mean() < 0.7
        assert 0.1 < tumour.std() < 0.6
        assert 20 < entry.volume_ml < 300
