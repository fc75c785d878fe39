"""A large gallery is searched without comparing all of it, and the result is the same."""

import numpy as np
import pytest
from shared.made_up_cohort import write_cache

import ssim_blobs
from napari_tumor_synth.errors import GalleryError
from napari_tumor_synth.evaluation import gallery_rois, screening, transformed
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_outlines import PATTERN
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.ssim import prepare_roi, scores_of
from napari_tumor_synth.evaluation.transforms import Transform

SIZE, COUNT = 24, 60


def tumour(rng):
    return ssim_blobs.tumour(rng, SIZE, 1.2)


def alike(rng, image, noise):
    changed = image + rng.normal(0, noise, image.shape)
    cut = np.where(image > -1, np.clip(changed, -0.9, 1), -1)
    return cut.astype(np.float16).astype(np.float32)


def different(rng):
    return [tumour(rng) for _ in range(COUNT)]


def twins(rng):
    """Every other ROI is nearly the one before, or is that one."""
    return [
        alike(rng, image, noise)
        for image in different(rng)[: COUNT // 2]
        for noise in (0, rng.choice([0, 1e-3, 0.05]))
    ]


def one_family(rng):
    """All are the same but for some noise: scores and bounds lie close together."""
    image = tumour(rng)
    return [alike(rng, image, 0.02 + 0.002 * number) for number in range(COUNT)]


GALLERIES = {"different": different, "twins": twins, "one family": one_family}
PATIENTS = {"each its own": COUNT, "few": 3, "one": 1}


@pytest.fixture(scope="module", params=GALLERIES)
def real(request):
    return GALLERIES[request.param](np.random.default_rng(0))


@pytest.fixture(scope="module", params=PATIENTS)
def gallery(request, real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    patients = [f"p{number % PATIENTS[request.param]}" for number in range(COUNT)]
    return build_gallery(write_cache(folder / "cache", real, patients), folder / "g")


@pytest.fixture
def bounded(monkeypatch):
    monkeypatch.setattr(screening, "are_quick", lambda gallery: False)
    monkeypatch.setattr(screening, "_FIRST", 4)
    monkeypatch.setattr(screening, "_AT_ONCE", 8)


def queries(real):
    rng = np.random.default_rng(1)
    copies = [alike(rng, real[number], noise) for number, noise in ((3, 0), (8, 0.02), (11, 0.2))]
    return [*copies, *(tumour(rng) for _ in range(4))]


@pytest.mark.parametrize("top", [1, 5])
def test_the_result_is_that_of_comparing_with_all(gallery, real, top, monkeypatch):
    for query in queries(real):
        monkeypatch.setattr(screening, "are_quick", lambda gallery: True)
        plain = find_nearest(gallery, query[None], top)
        assert (plain.searched.how, plain.searched.scored) == ("all", COUNT)
        monkeypatch.setattr(screening, "are_quick", lambda gallery: False)
        monkeypatch.setattr(screening, "_FIRST", 3)
        monkeypatch.setattr(screening, "_AT_ONCE", 5)
        found = find_nearest(gallery, query[None], top)
        assert found.searched.how in ("all", "certified")
        assert (found.searched.how == "all") == (found.searched.scored == COUNT)
        assert [match.index for match in found.matches] == [match.index for match in plain.matches]
        assert found.distance_ratio == plain.distance_ratio
        assert found.searched.certain == top
        if found.searched.how == "certified":
            assert found.searched.most_left < found.matches[-1].score.foreground


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    rng, folder = np.random.default_rng(2), tmp_path_factory.mktemp("large")
    images = [tumour(rng) for _ in range(200)]
    return images, build_gallery(write_cache(folder / "cache", images), folder / "g")


def test_a_copy_is_certified_after_few_comparisons(large, bounded):
    images, gallery = large
    query = alike(np.random.default_rng(3), images[77], 0.01)
    found, searched = screening.search(
        gallery, prepare_roi(query, exact=False), 1, 2, another_patient=False
    )
    assert max(found, key=lambda index: found[index].foreground) == 77
    assert searched.how == "certified"
    assert searched.scored == len(found) <= 8
    assert searched.of == 200
    exact = scores_of(prepare_roi(query, exact=False), gallery.rois)[:, 1]
    left = [score for index, score in enumerate(exact) if index not in found]
    assert max(left) <= searched.most_left < found[77].foreground
    assert "certified: none of the other 19" in str(searched)


def test_fewer_comparisons_than_it_takes_are_said_not_to_be_certain(large, bounded):
    _, gallery = large
    query = tumour(np.random.default_rng(4))
    found = find_nearest(gallery, query[None], 5, most=20)
    assert (found.searched.how, found.searched.scored, found.searched.of) == ("shortlist", 20, 200)
    assert found.searched.most_left > found.matches[-1].score.foreground
    assert found.searched.certain == 0
    assert "none of the list is certain: among the other 180" in str(found.searched)
    assert len(found.matches) == 5
    everything = find_nearest(gallery, query[None], 5, most=200)
    assert everything.searched.how in ("all", "certified")
    assert str(everything.searched).startswith("compared with ")


def test_a_copy_is_certain_although_what_comes_next_is_not(large, bounded):
    images, gallery = large
    copy = alike(np.random.default_rng(8), images[50], 0.01)
    found = find_nearest(gallery, copy[None], 5, most=10)
    assert found.matches[0].index == 50
    assert (found.searched.how, found.searched.certain) == ("shortlist", 1)
    assert "the first is certain" in str(found.searched)


def test_bounds_are_used_where_rois_must_be_read_again(large, monkeypatch):
    folder, image = large[1].folder, large[0][3][None]
    assert find_nearest(Gallery.open(folder), image, 1).searched.how == "all"
    monkeypatch.setattr(gallery_rois, "MOST_MAPPED", 10**6)
    found = find_nearest(Gallery.open(folder), image, 1)
    assert found.searched.how == "certified"
    assert found.matches[0].index == 3


def test_a_small_gallery_can_be_searched_in_part(gallery, real):
    query = prepare_roi(tumour(np.random.default_rng(5)), exact=False)
    found, searched = screening.search(gallery, query, 3, 1, most=1)
    assert len(found) == searched.scored == 3  # as many as are wanted
    found, searched = screening.search(gallery, query, 3, 1, among=range(10, 20))
    assert (sorted(found), searched.how) == (list(range(10, 20)), "all")


def test_what_leaves_the_range_is_compared_with_all(large, bounded):
    _, gallery = large
    query = tumour(np.random.default_rng(6))
    beyond = np.where(query > -1, query + 0.5, query)
    assert find_nearest(gallery, beyond[None], 1).searched.how == "all"


def test_bounds_that_cannot_be_are_damage(large, bounded, tmp_path):
    images = large[0][:12]
    cohort = write_cache(tmp_path / "c", images)
    build_gallery(cohort, tmp_path / "g")
    (path,) = (tmp_path / "g").glob(PATTERN)
    whole = path.read_bytes()
    damaged = bytes(byte ^ 0x55 for byte in whole[2000:-2000])
    opened = Gallery.open(tmp_path / "g")
    assert len(opened.outlines.bytes_to_read) == 12  # good, and mapped into memory
    with path.open("r+b") as stream:
        stream.seek(2000)
        stream.write(damaged)
    with pytest.raises(GalleryError, match=r"outlines.*missing or damaged"):
        _ = Gallery.open(tmp_path / "g").outlines

    def search_all():
        for image in images:
            find_nearest(opened, image[None], 12)

    with pytest.raises(GalleryError, match=r"is damaged.*case-"):
        search_all()
    build_gallery(cohort, tmp_path / "g")
    assert path.read_bytes() == whole
    path.unlink()
    with pytest.raises(GalleryError, match=r"outlines.*missing or damaged"):
        find_nearest(Gallery.open(tmp_path / "g"), images[0][None])


def test_hidden_copies_are_found_in_a_large_gallery(tmp_path, bounded, monkeypatch):
    monkeypatch.setattr(transformed, "FINE", 5)
    rng = np.random.default_rng(7)
    images = [ssim_blobs.tumour(rng, 40, 1.5) for _ in range(30)]
    gallery = build_gallery(write_cache(tmp_path / "c", images), tmp_path / "g")
    for index in (2, 13, 28):
        hidden = Transform(2, "axial", 30, (2, -1, 3)).apply(images[index][None])
        assert find_nearest(gallery, hidden, 1, transforms=True).matches[0].index == index
