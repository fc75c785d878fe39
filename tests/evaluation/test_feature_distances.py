"""FID and KID of sets, beside those of real ROIs."""

import numpy as np
import pytest
import torch

import ssim_blobs
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.feature_distances import compare_features, features_of
from napari_tumor_synth.evaluation.features.volume_network import random_network
from napari_tumor_synth.evaluation.frechet import frechet_distance
from napari_tumor_synth.progress import Cancelled

EXTRACTOR = random_network(torch.device("cpu"))


def tumours(count, seed, sigma=1.2):
    rng = np.random.default_rng(seed)
    return [ssim_blobs.tumour(rng, 16, sigma)[None] for _ in range(count)]


def seen(images):
    return features_of(EXTRACTOR, "volume", images)


@pytest.fixture(scope="module")
def real():
    return seen(tumours(40, 0))


def compare(ours, real, **how):
    return compare_features(EXTRACTOR, "volume", ours, real, **how)


def test_a_perfect_generator_is_as_far_as_real_rois_are(real):
    found = compare(seen(tumours(40, 1)), real)
    assert found.fid_matched == pytest.approx(found.fid_floor, rel=0.5)
    assert found.kid_low < 0 < found.kid_high
    assert (found.drawn, found.patients) == (20, 40)
    assert found.extractor == "random network"
    assert found.view == "volume"


def test_darker_tumours_are_far(real):
    dark = [np.where(image > -1, image * 0.3 - 0.6, -1) for image in tumours(30, 2)]
    found = compare(seen([image.astype(np.float32) for image in dark]), real)
    assert found.kid_low > 0
    assert found.kid > found.kid_floor_high
    assert found.fid_matched > found.fid_floor_high
    assert (found.synthetic, found.synthetic_vectors) == (30, 30)


def test_all_rois_count_in_the_whole_figure(real):
    ours = seen(tumours(12, 3))
    found = compare(ours, real)
    assert found.fid == pytest.approx(frechet_distance(ours.vectors, real.vectors))
    assert found.fid < found.fid_matched  # of 12 and 40 ROIs, and of 12 and 12


def test_patients_are_not_split(real):
    owners = [f"p{index // 10}" for index in range(40)]
    found = compare(seen(tumours(40, 4)), real, patients=owners)
    assert (found.patients, found.drawn) == (4, 20)
    copies = seen([image for image in tumours(10, 5) for _ in range(4)])
    apart = compare(real, copies, patients=[f"p{index // 4}" for index in range(40)])
    mixed = compare(real, copies)
    assert apart.fid_floor > 2 * mixed.fid_floor  # halves that share patients look alike


def test_too_few_patients_for_a_floor(real):
    found = compare(real, seen(tumours(6, 6)), patients=["a", "a", "b", "b", "c", "c"])
    assert found.fid_floor is None
    assert found.kid_floor_low is None
    assert found.drawn == 0
    assert found.fid > 0


def test_the_same_seed_gives_the_same(real):
    ours = seen(tumours(10, 7))
    assert compare(ours, real, seed=3) == compare(ours, real, seed=3)
    assert compare(ours, real, seed=3).kid_low != compare(ours, real, seed=4).kid_low


def test_what_cannot_be_compared(real):
    with pytest.raises(InputError, match="too few"):
        compare(seen(tumours(1, 0)), real)
    with pytest.raises(InputError, match="no ROI"):
        seen([])
    both = [np.concatenate([image, image]) for image in tumours(3, 0)]
    with pytest.raises(InputError):
        compare(seen(both), real)

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        features_of(EXTRACTOR, "volume", tumours(2, 0), stop)
