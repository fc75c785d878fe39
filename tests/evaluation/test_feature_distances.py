"""FID and KID of sets, beside those of real ROIs."""

import json
import threading

import numpy as np
import pytest
import torch

import ssim_blobs
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.feature_distances import compare_features
from napari_tumor_synth.evaluation.features.looking import features_of
from napari_tumor_synth.evaluation.features.slice_network import efficientnet_lite0
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
    assert found.kid_subsets > 0
    assert (found.subset, found.dimensions) == (15, 256)
    assert "of 20 ROIs, not of 30" in found.note


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
    assert found.fid_matched is None
    assert found.kid_floor_low is None
    assert "6 real ROIs of 3 patients cannot be split" in found.note
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
    with pytest.raises(InputError, match="512 and 256"):
        compare(seen(both), real)
    with pytest.raises(InputError, match="ROI 4 gives 256 features, the first gives 512"):
        seen([*both, *tumours(1, 0)])
    broken = tumours(3, 0)
    broken[1][0, 4, 4, 4] = np.nan
    with pytest.raises(InputError, match="ROI 2: random network sees what is not a number"):
        seen(broken)

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        features_of(EXTRACTOR, "volume", tumours(2, 0), stop)


def test_figures_have_full_names_and_plain_values(real):
    found = compare(seen(tumours(2, 8)), real)
    content = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert content["fid_name"] == "FID (random network, whole ROIs)"
    assert content["kid_low"] is None
    assert "No interval of the KID" in content["note"]
    slices = compare_features(Watched(), "axial", seen(tumours(5, 9)), real)
    assert slices.named("KID") == "KID (watched, axial, some slices)"
    assert compare(seen(tumours(20, 8)), real).note == ""


class Watched:
    """Sees the mean of each slice; remembers who looked."""

    name, sees, description, sha256, views = "watched", "some slices", "", "", ("axial",)

    def __init__(self):
        self.threads, self.torch_threads = set(), set()

    def extract(self, image, view):
        self.threads.add(threading.get_ident())
        self.torch_threads.add(torch.get_num_threads())
        if not (image > -1).any():
            raise InputError("An ROI has no tumour.", "Leave it out of the set.")
        return image[0].mean(axis=(1, 2))[: 1 + int(image[0, 0, 0, 0] == 0), None]


def test_slices_are_seen_side_by_side_in_order():
    images = [np.full((1, 4, 4, 4), index, np.float32) for index in range(30)]
    watched, told = Watched(), []
    before = torch.get_num_threads()
    found = features_of(watched, "axial", images, lambda one: told.append(one.step), threads=3)
    assert found.vectors[:, 0].tolist() == [0, *range(30)]
    assert found.owner.tolist() == [0, *range(30)]
    assert threading.get_ident() not in watched.threads
    assert watched.torch_threads == {1}
    assert torch.get_num_threads() == before
    assert told == list(range(1, 31))


def test_slices_are_the_same_whatever_the_threads():
    extractor = efficientnet_lite0(torch.device("cpu"))
    images = tumours(5, 10)
    one, many = (features_of(extractor, "axial", images, threads=n) for n in (1, 3))
    assert (one.vectors == many.vectors).all()


def test_few_rois_are_held_and_a_stop_stops():
    class Counted(list):
        loaded = 0

        def __getitem__(self, index):
            Counted.loaded += 1
            return super().__getitem__(index)

    def stop(progress):
        if progress.step == 2:
            raise Cancelled

    images = Counted(np.zeros((1, 4, 4, 4), np.float32) for _ in range(50))
    with pytest.raises(Cancelled):
        features_of(Watched(), "axial", images, stop, threads=2)
    assert Counted.loaded < 10


def test_the_roi_that_cannot_be_seen_is_named():
    images = [np.zeros((1, 4, 4, 4), np.float32) for _ in range(4)]
    images[2][:] = -1
    with pytest.raises(InputError, match="ROI 3: An ROI has no tumour"):
        features_of(Watched(), "axial", images)
