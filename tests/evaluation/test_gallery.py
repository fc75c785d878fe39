"""A gallery is built once, goes on after any stop, and says when it cannot be used."""

import shutil

import numpy as np
import pytest
from shared.made_up_cohort import write_cache

from napari_tumor_synth.errors import GalleryError, InputError, OutputError
from napari_tumor_synth.evaluation import (
    gallery_build,
    gallery_files,
    gallery_rois,
    gallery_scores,
)
from napari_tumor_synth.evaluation.gallery import SCORES, Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_outlines import PATTERN
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.ssim import prepare_roi, scores_among
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.progress import Cancelled
from ssim_blobs import blob


def images(count, seed=0):
    rng = np.random.default_rng(seed)
    return [blob(rng, 20).astype(np.float16).astype(np.float32) for _ in range(count)]


@pytest.fixture
def cohort(tmp_path):
    return write_cache(tmp_path / "cache", images(5))


def files_of(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "volumes").iterdir()}


def test_it_holds_the_rois_and_their_scores(cohort, tmp_path):
    steps = []
    build_gallery(cohort, tmp_path / "g", on_progress=lambda p: steps.append((p.step, p.total)))
    gallery = Gallery.open(tmp_path / "g")
    assert len(gallery) == 5
    assert gallery.patient_data
    assert [entry.name for entry in gallery.entries] == [entry.name for entry in cohort.entries]
    prepared = [prepare_roi(cohort.load(index)) for index in range(5)]
    np.testing.assert_allclose(gallery.scores.values, scores_among(prepared), atol=1e-5)
    for index in range(5):
        np.testing.assert_allclose(gallery.image(index), cohort.load(index), atol=2e-7)
        np.testing.assert_array_equal(gallery.image(index) > -1, cohort.load(index) > -1)
    assert steps == [(step, 10) for step in range(1, 11)]
    assert "PATIENT DATA" in (tmp_path / "g" / "README.txt").read_text("utf-8")


def test_several_sequences_and_the_other_window(tmp_path):
    rng = np.random.default_rng(0)
    mask = blob(rng, 20) > -1
    both = [np.where(mask, rng.uniform(-0.9, 1, (2, 20, 20, 20)), -1) for _ in range(2)]
    cohort = write_cache(tmp_path / "cache", [image.astype(np.float32) for image in both])
    gallery = build_gallery(cohort, tmp_path / "g", "gaussian")
    prepared = [prepare_roi(cohort.load(index), gallery.plan.definition) for index in range(2)]
    np.testing.assert_allclose(gallery.scores.values, scores_among(prepared), atol=1e-5)
    np.testing.assert_allclose(gallery.image(1), cohort.load(1), atol=2e-7)


def stop_at(step):
    def on_progress(progress):
        if progress.step == step:
            raise Cancelled

    return on_progress


@pytest.mark.parametrize("step", [2, 5, 7])
def test_a_stopped_call_goes_on(cohort, tmp_path, step, monkeypatch):
    with pytest.raises(Cancelled):
        build_gallery(cohort, tmp_path / "g", on_progress=stop_at(step), threads=1)
    with pytest.raises(GalleryError, match="no finished gallery"):
        Gallery.open(tmp_path / "g")
    before = files_of(tmp_path / "g")
    compared = []
    scores_of = gallery_scores.scores_of
    monkeypatch.setattr(
        gallery_scores,
        "scores_of",
        lambda query, others, threads: (
            compared.append(len(others)) or scores_of(query, others, threads)
        ),
    )
    gallery = build_gallery(cohort, tmp_path / "g", threads=1)
    after = files_of(tmp_path / "g")
    assert before.items() <= after.items()
    assert sum(compared) == {2: 10, 5: 10, 7: 3}[step]  # 7: two rows of 4 and 3 pairs were kept
    fresh = build_gallery(cohort, tmp_path / "fresh")
    np.testing.assert_array_equal(gallery.scores.values, fresh.scores.values)


def test_a_cohort_that_has_grown_and_shrunk(tmp_path):
    many = images(5)
    build_gallery(write_cache(tmp_path / "three", many[:3]), tmp_path / "g")
    before = files_of(tmp_path / "g")
    gallery = build_gallery(write_cache(tmp_path / "five", many), tmp_path / "g")
    assert before.items() <= files_of(tmp_path / "g").items()
    prepared = [prepare_roi(image) for image in many]
    np.testing.assert_allclose(gallery.scores.values, scores_among(prepared), atol=1e-5)
    build_gallery(write_cache(tmp_path / "two", many[:2]), tmp_path / "g")
    assert len(Gallery.open(tmp_path / "g").scores.values) == 2
    assert len(files_of(tmp_path / "g")) == 2


def test_what_is_damaged_is_named_and_made_anew(cohort, tmp_path):
    build_gallery(cohort, tmp_path / "g")
    (victim, *_) = sorted((tmp_path / "g" / "volumes").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GalleryError, match=r"case-000-.*gallery build again"):
        _ = Gallery.open(tmp_path / "g").rois
    (tmp_path / "g" / SCORES).write_bytes(b"no scores")
    with pytest.raises(GalleryError, match="missing or damaged"):
        _ = Gallery.open(tmp_path / "g").scores
    gallery = build_gallery(cohort, tmp_path / "g")
    assert victim.read_bytes() == whole
    assert len(gallery.scores.values) == 5
    (tmp_path / "g" / "gallery.json").write_text("{", "utf-8")
    with pytest.raises(GalleryError, match=r"gallery.json is damaged\. Delete it, and run"):
        Gallery.open(tmp_path / "g")
    key = (tmp_path / "g" / "pseudonyms.key").read_text()
    (tmp_path / "g" / "gallery.json").unlink()
    assert len(build_gallery(cohort, tmp_path / "g").rois) == 5
    assert (tmp_path / "g" / "pseudonyms.key").read_text() == key


def test_a_file_of_another_roi_is_not_taken(cohort, tmp_path):
    build_gallery(cohort, tmp_path / "g")
    first, second, *_ = sorted((tmp_path / "g" / "volumes").iterdir())
    shutil.copy(second, first)
    with pytest.raises(GalleryError, match="has changed"):
        _ = Gallery.open(tmp_path / "g").rois


def test_folders_that_are_refused(cohort, tmp_path):
    build_gallery(cohort, tmp_path / "g")
    with pytest.raises(GalleryError, match="window is uniform, not gaussian"):
        build_gallery(cohort, tmp_path / "g", "gaussian")
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.docx").write_text("words", "utf-8")
    with pytest.raises(OutputError, match="thesis"):
        build_gallery(cohort, other)
    assert [path.name for path in other.iterdir()] == ["thesis.docx"]


def test_a_newer_gallery(cohort, tmp_path):
    build_gallery(cohort, tmp_path / "g")
    path = tmp_path / "g" / "gallery.json"
    path.write_text(path.read_text("utf-8").replace('"format": 2', '"format": 3'), "utf-8")
    with pytest.raises(GalleryError, match="newer version"):
        Gallery.open(tmp_path / "g")


def test_an_older_gallery_is_brought_up_to_date(cohort, tmp_path):
    build_gallery(cohort, tmp_path / "g")
    path, before = tmp_path / "g" / "gallery.json", files_of(tmp_path / "g")
    path.write_text(path.read_text("utf-8").replace('"format": 2', '"format": 1'), "utf-8")
    for name in before:
        (tmp_path / "g" / "volumes" / name).rename(tmp_path / "g" / "volumes" / f"old{name}")
    with pytest.raises(GalleryError, match=r"earlier version.*build again with the same cohort"):
        Gallery.open(tmp_path / "g")
    with pytest.raises(GalleryError, match="window is uniform, not gaussian"):
        build_gallery(cohort, tmp_path / "g", "gaussian")
    build_gallery(cohort, tmp_path / "g")
    assert len(Gallery.open(tmp_path / "g").rois) == 5
    assert files_of(tmp_path / "g").keys() == before.keys()


@pytest.mark.parametrize("window", ["uniform", "gaussian"])
def test_rois_that_are_kept_as_images_are_the_same(cohort, tmp_path, monkeypatch, window):
    ready = build_gallery(cohort, tmp_path / "ready", window)
    monkeypatch.setattr(gallery_build, "READY_UP_TO", 5 * 20**3 - 1)
    images = build_gallery(cohort, tmp_path / "images", window)
    sizes = [
        sum(path.stat().st_size for path in (gallery.folder / "volumes").iterdir())
        for gallery in (ready, images)
    ]
    assert sizes[1] < 0.6 * sizes[0]
    for one, other in zip(ready.rois, images.rois, strict=True):
        for name in ("origin", "raw", "mean", "variance"):
            here, there = (getattr(roi.channels[0].part, name) for roi in (one, other))
            assert here.dtype == there.dtype
            np.testing.assert_allclose(here, there, rtol=1e-6, atol=1e-12)
        assert one.channels[0].whole_alone == other.channels[0].whole_alone
    np.testing.assert_allclose(images.scores.values, ready.scores.values, atol=1e-6)
    np.testing.assert_array_equal(images.image(2), ready.image(2))


def test_large_rois_are_kept_as_images_whatever_their_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_files, "MOST_READY", 0)
    rng = np.random.default_rng(3)
    image = blob(rng, 20)[None]  # float32 that float16 does not hold
    path, definition = tmp_path / "roi.safetensors", SsimDefinition()
    gallery_files.write_gallery_roi(image, definition, "a", path)
    kept = gallery_files.read_gallery_roi(path, "a", definition)
    wanted = prepare_roi(image, definition, exact=False)
    np.testing.assert_array_equal(kept.channels[0].part.raw, wanted.channels[0].part.raw)
    np.testing.assert_allclose(
        kept.channels[0].part.variance, wanted.channels[0].part.variance, rtol=1e-5, atol=1e-9
    )


def test_rois_beyond_the_room_are_read_when_they_are_needed(cohort, tmp_path, monkeypatch):
    build_gallery(cohort, tmp_path / "g")
    size = int(Gallery.open(tmp_path / "g").outlines.bytes_to_read[:2].sum())
    monkeypatch.setattr(gallery_rois, "MOST_MAPPED", size)
    gallery = Gallery.open(tmp_path / "g")
    assert not gallery.rois.are_few
    assert [gallery.rois[index] is gallery.rois[index] for index in range(3)] == [1, 1, 0]
    query = cohort.load(4)
    assert find_nearest(gallery, query).matches[0].index == 4
    assert len(gallery.rois[1:4]) == 3
    assert gallery.rois[-1].shape == (20, 20, 20)
    with pytest.raises(IndexError):
        gallery.rois[5]
    (tmp_path / "g" / "volumes" / gallery.entries[3].file).unlink()
    with pytest.raises(GalleryError, match="case-003"):
        find_nearest(Gallery.open(tmp_path / "g"), query)


def test_a_gallery_can_be_used_until_it_has_grown(tmp_path):
    many = images(5)
    build_gallery(write_cache(tmp_path / "three", many[:3]), tmp_path / "g")
    five = write_cache(tmp_path / "five", many)
    with pytest.raises(Cancelled):
        build_gallery(five, tmp_path / "g", on_progress=stop_at(8), threads=1)
    old = Gallery.open(tmp_path / "g")
    assert find_nearest(old, many[1][None]).matches[0].entry.name == "case-001"
    assert len(old.scores.values) == 3
    build_gallery(five, tmp_path / "g")
    assert len(list((tmp_path / "g").glob(PATTERN))) == 1
    assert find_nearest(Gallery.open(tmp_path / "g"), many[4][None]).matches[0].index == 4


def test_what_a_kill_left_in_an_empty_folder_does_not_lock_it(cohort, tmp_path):
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / ".writing-x1.txt").write_text("PATIENT", "utf-8")
    build_gallery(cohort, tmp_path / "g")
    assert not list((tmp_path / "g").glob(".writing-*"))


def test_an_roi_out_of_range_is_named(tmp_path):
    image = images(1)[0]
    beyond = np.where(image > -1, image + 1, -1).astype(np.float32)
    with pytest.raises(InputError, match=r"case-001.*outside of \[-1, 1\]"):
        build_gallery(write_cache(tmp_path / "cache", [image, beyond]), tmp_path / "g")


def test_an_empty_roi_is_named(tmp_path):
    cohort = write_cache(tmp_path / "cache", [*images(1), np.full((20, 20, 20), -1, np.float32)])
    with pytest.raises(InputError, match=r"case-001.*no tumour"):
        build_gallery(cohort, tmp_path / "g")


def test_a_large_gallery_compares_a_fixed_part(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_scores, "MOST_COMPARED", 4)
    monkeypatch.setattr(gallery_scores, "DRAWN", 2)
    gallery = build_gallery(cohort, tmp_path / "g")
    scores = Gallery.open(tmp_path / "g").scores
    assert scores.values.shape == (2, 5, 2)
    np.testing.assert_array_equal(scores.rows, gallery.scores.rows)
    everything = scores_among([prepare_roi(cohort.load(index)) for index in range(5)])
    np.testing.assert_allclose(scores.values, everything[scores.rows], atol=1e-5)


def test_nearest_of_another_patient(tmp_path):
    first = images(1)[0]
    cohort = write_cache(
        tmp_path / "cache", [first, first, *images(2, seed=1)], patients=["a", "a", "b", "c"]
    )
    gallery = build_gallery(cohort, tmp_path / "g")
    nearest = gallery.scores.nearest(gallery.patients)
    values = gallery.scores.values
    np.testing.assert_allclose(nearest[0], values[0, 2:].max(axis=0))
    np.testing.assert_allclose(nearest[2], values[2, [0, 1, 3]].max(axis=0))
    alone = build_gallery(write_cache(tmp_path / "one", [first]), tmp_path / "alone")
    assert np.isnan(alone.scores.nearest(alone.patients)).all()
