"""Copies that were mirrored, turned or shifted are found, and it is said how."""

import numpy as np
import pytest
from scipy.ndimage import rotate
from shared.made_up_cohort import write_cache

import ssim_blobs
from napari_tumor_synth.evaluation import gallery_transformed
from napari_tumor_synth.evaluation.alignment import (
    best_shifts,
    coarsened,
    coarseness,
    parts_of,
    refined_shift,
    spectrum_of,
)
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_transformed import read_transformed
from napari_tumor_synth.evaluation.memorisation import Calibration, judge
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.ssim import ssim
from napari_tumor_synth.evaluation.transforms import Transform, all_transforms
from napari_tumor_synth.progress import Cancelled

SIZE = 40


def tumour(rng):
    return ssim_blobs.tumour(rng, SIZE, 1.5)[None]


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    return [tumour(rng) for _ in range(12)]


@pytest.fixture(scope="module")
def gallery(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    return build_gallery(write_cache(folder / "cache", real), folder / "g")


def test_there_are_28_and_the_first_is_none():
    found = list(all_transforms())
    assert len(found) == len(set(found)) == 28
    assert str(found[0]) == "none"
    assert str(Transform(2, "axial", -30, (1, 0, -2))) == (
        "mirrored along R, turned by -30 degrees in the axial plane, "
        "shifted by 1, 0, -2 voxels (S, A, R)"
    )


def test_nothing_mirrored_and_shifted_are_exact(real):
    image = real[0]
    np.testing.assert_array_equal(Transform().apply(image), image)
    for axis in range(3):
        np.testing.assert_array_equal(Transform(axis).apply(image), np.flip(image, axis + 1))
    shifted = Transform(shift=(2, -3, 0)).apply(image)
    np.testing.assert_array_equal(shifted[:, 2:, :-3], image[:, :-2, 3:])
    assert (shifted[:, :2] == -1).all()
    assert (shifted[:, :, -3:] == -1).all()
    gone = Transform(shift=(0, 0, SIZE)).apply(image)
    assert (gone == -1).all()


@pytest.mark.parametrize(
    ("plane", "axes"), [("axial", (1, 2)), ("coronal", (0, 2)), ("sagittal", (0, 1))]
)
@pytest.mark.parametrize("degrees", [30, -30])
def test_turned_about_the_middle(real, plane, axes, degrees):
    """As scipy turns; to compare, both the mask and what is in it."""
    image = real[1]
    turned = Transform(None, plane, degrees).apply(image)[0]
    mask = (image[0] > -1).astype(np.float32)
    theirs = rotate(mask, degrees, axes, reshape=False, order=1) > 0.5
    assert ((turned > -1) == theirs).mean() > 0.999
    moved = rotate(np.where(mask > 0, image[0], 0), degrees, axes, reshape=False, order=1)
    share = rotate(mask, degrees, axes, reshape=False, order=1)
    both = (turned > -1) & theirs
    np.testing.assert_allclose(turned[both], (moved / np.maximum(share, 0.5))[both], atol=1e-5)
    back = Transform(None, plane, -degrees).apply(turned[None])
    assert ssim(back[0], image[0]).foreground > 0.6


def test_shifts_are_found(real):
    fixed = parts_of(real[2])
    for shift in ((0, 0, 0), (3, -2, 5), (-6, 4, 0)):
        moved = parts_of(Transform(shift=tuple(-by for by in shift)).apply(real[2]))
        correlation, found = best_shifts(
            spectrum_of(moved)[None], spectrum_of(fixed), fixed.shape[1:]
        )
        assert tuple(found[0]) == shift
        assert correlation[0] == pytest.approx(2, abs=1e-4)


def test_shifts_are_refined(real):
    fixed = parts_of(real[2])
    moved = parts_of(Transform(shift=(-3, 2, -4)).apply(real[2]))
    assert refined_shift(moved, fixed, (2, -2, 4), 1) == (3, -2, 4)
    assert refined_shift(moved, fixed, (2, -2, 4), 0) == (2, -2, 4)
    assert refined_shift(moved, fixed, (5, -4, 2), 2) == (3, -2, 4)
    assert max(refined_shift(moved, fixed, (99, 99, 99), 1)) <= 100  # beside each other


@pytest.mark.parametrize(("size", "factor", "left"), [(16, 1, 16), (40, 2, 20), (65, 3, 22)])
def test_coarsened(size, factor, left):
    parts = np.random.default_rng(0).standard_normal((2, size, size, size)).astype(np.float32)
    assert coarseness(parts.shape[1:]) == factor
    found = coarsened(parts)
    assert found.shape == (2, left, left, left)
    np.testing.assert_allclose(
        found[:, 1, 2, 3],
        parts[:, factor : 2 * factor, 2 * factor : 3 * factor, 3 * factor : 4 * factor].mean(
            axis=(1, 2, 3)
        ),
        atol=1e-6,
    )


HIDDEN = {
    "none": Transform(),
    "mirrored along R": Transform(2),
    "mirrored along S": Transform(0),
    "shifted": Transform(shift=(-4, 3, 2)),
    "turned": Transform(None, "coronal", 30),
    "all of it": Transform(2, "axial", -30, (2, -3, 1)),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_hidden_copies_are_found(gallery, real, how):
    for index in (0, 5, 9):
        query = HIDDEN[how].apply(real[index])
        found = find_nearest(gallery, query, top=2, transforms=True)
        best = found.matches[0]
        assert best.index == index
        assert best.score.foreground > 0.5
        assert best.score.foreground > found.matches[1].score.foreground + 0.2
        moved = best.transform.apply(query)
        assert best.score.foreground == pytest.approx(
            ssim(moved[0], real[index][0]).foreground, abs=1e-6
        )
        plain = find_nearest(gallery, query, top=1).matches[0]
        assert str(plain.transform) == "none"
        assert best.score.foreground >= plain.score.foreground - 1e-6


def test_tumours_of_a_voxel_and_at_the_border(real, tmp_path):
    """What a transform turns or shifts away is no match, and no failure."""
    dot = np.full((1, 80, 80, 80), -1, np.float32)
    dot[0, 3, 3, 3] = 0.5
    border = np.full_like(dot, -1)
    border[0, :30, 70:, 20:60] = np.random.default_rng(0).uniform(-0.9, 1, (30, 10, 40))
    gallery = build_gallery(write_cache(tmp_path / "c", [dot, border]), tmp_path / "g")
    for index, image in enumerate((dot, border)):
        best = find_nearest(gallery, image, transforms=True).matches[0]
        assert best.index == index
        assert best.score.foreground == pytest.approx(1, abs=1e-4)


def test_a_real_one_is_left_as_it_is(gallery, real):
    best = find_nearest(gallery, real[4], transforms=True).matches[0]
    assert (best.index, best.transform) == (4, Transform())


def test_the_search_tells_how_far_it_is_and_can_be_stopped(gallery, real):
    told = []
    find_nearest(gallery, real[4], transforms=True, on_progress=told.append)
    searched = [one for one in told if "turned" in one.message]
    assert [one.step for one in searched] == list(range(1, len(gallery) + 1))
    assert all(one.total == len(gallery) for one in searched)
    assert told[-1].step == told[-1].total

    def stop(progress):
        told.append(progress)
        raise Cancelled

    told.clear()
    with pytest.raises(Cancelled):
        find_nearest(gallery, real[4], transforms=True, on_progress=stop)
    assert len(told) == 1


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    rng = np.random.default_rng(1)
    images = [tumour(rng) for _ in range(31)]
    folder = tmp_path_factory.mktemp("many")
    cohort = write_cache(folder / "cache", images)
    return images, cohort, build_gallery(cohort, folder / "g", transforms=True)


def test_transformed_copies_are_judged_by_transformed_real_ones(many):
    images, _, gallery = many
    plain, searched = (
        Calibration.of_gallery(gallery),
        Calibration.of_gallery(gallery, transforms=True),
    )
    assert searched.is_enough
    assert (searched.nearest >= plain.nearest - 1e-6).all()
    assert np.median(searched.nearest) > np.median(plain.nearest)
    rng = np.random.default_rng(5)
    queries = [tumour(rng) for _ in range(5)] + [HIDDEN["all of it"].apply(images[3])]
    scores = [
        find_nearest(gallery, query, transforms=True).matches[0].score.foreground
        for query in queries
    ]
    names = [verdict.name for verdict in judge(scores, searched)]
    assert names[5] == "copy"
    assert "copy" not in names[:5]


def test_without_that_search_nothing_is_judged(gallery):
    (verdict,) = judge([0.99], Calibration.of_gallery(gallery, transforms=True))
    assert verdict.name == "not calibrated"
    assert "gallery build --transforms" in verdict.sentence


def test_a_stopped_search_goes_on(many, tmp_path, monkeypatch):
    _, cohort, whole = many
    searched = []
    nearest = gallery_transformed._nearest
    monkeypatch.setattr(
        gallery_transformed,
        "_nearest",
        lambda gallery, row, threads: searched.append(row) or nearest(gallery, row, threads),
    )

    def stop(progress):
        if "transforms" in progress.message and progress.step == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_gallery(cohort, tmp_path / "g", transforms=True, on_progress=stop)
    gallery = build_gallery(cohort, tmp_path / "g", transforms=True)
    assert sorted(searched) == list(range(31))
    np.testing.assert_array_equal(read_transformed(gallery)[1], read_transformed(whole)[1])
