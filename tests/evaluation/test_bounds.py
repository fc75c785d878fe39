"""Bounds hold for every sort of ROI, and say something."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

import ssim_blobs
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.block_statistics import STRUCTURE, block_statistics
from napari_tumor_synth.evaluation.bounds import (
    MARGIN,
    bounded_roi,
    can_be_bounded,
    sketches_of,
    upper_bound,
)
from napari_tumor_synth.evaluation.ssim import compare, prepare_roi
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition

SHAPE = (20, 23, 18)
ROUNDING = 2e-5  # of float32, a part of MARGIN; the derivation itself leaves none


def masked(mask, texture):
    return np.where(mask, np.clip(texture, -0.999, 1), -1).astype(np.float32)


def ellipsoid(rng, low=0.1, high=0.45):
    size = np.array(SHAPE)
    centre, radii = rng.uniform(0.2, 0.8, 3) * size, rng.uniform(low, high, 3) * size
    grid = np.stack(np.indices(SHAPE), axis=-1)
    inside = (((grid - centre) / radii) ** 2).sum(-1) <= 1
    inside[tuple(centre.astype(int))] = True
    return inside


def smooth(rng, sigma=1.5):
    noise = gaussian_filter(rng.standard_normal(SHAPE), sigma)
    return rng.uniform(-0.6, 0.6) + rng.uniform(0.05, 0.6) * noise / noise.std()


def slab(rng):
    mask = np.zeros(SHAPE, bool)
    mask[:, :, : rng.integers(1, 9)] = True
    return mask


def voxel(rng):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(rng.integers(0, SHAPE))] = True
    return mask


SORTS = {
    "smooth": lambda rng: masked(ellipsoid(rng), smooth(rng)),
    "noise": lambda rng: masked(ellipsoid(rng), rng.uniform(-1, 1, SHAPE)),
    "constant": lambda rng: masked(ellipsoid(rng), np.full(SHAPE, rng.uniform(-0.99, 1))),
    "nearly background": lambda rng: masked(ellipsoid(rng), np.full(SHAPE, -0.999)),
    "black and white": lambda rng: masked(ellipsoid(rng), np.sign(rng.standard_normal(SHAPE))),
    "dense": lambda rng: masked(np.ones(SHAPE, bool), smooth(rng)),
    "dense ramp": lambda rng: masked(
        np.ones(SHAPE, bool), np.tensordot(rng.uniform(-0.05, 0.05, 3), np.indices(SHAPE), 1)
    ),
    "at the border": lambda rng: masked(slab(rng), smooth(rng)),
    "one voxel": lambda rng: masked(voxel(rng), rng.uniform(-1, 1, SHAPE)),
    "scattered": lambda rng: masked(rng.random(SHAPE) < 0.05, smooth(rng)),
}

CHANGES = {
    "same": lambda image, rng: image,
    "noisy": lambda image, rng: masked(image > -1, image + rng.normal(0, 0.02, SHAPE)),
    "inverted": lambda image, rng: masked(image > -1, -image),
    "darker": lambda image, rng: masked(image > -1, 0.5 * image - 0.3),
    "shifted": lambda image, rng: shift(image, (1, 0, -1), order=0, cval=-1),
}


def slack(one, other, definition):
    """Return by how much the bound of two images exceeds their exact score."""
    exact = compare(prepare_roi(one, definition), prepare_roi(other, definition)).foreground
    query, found = (prepare_roi(image, definition, exact=False) for image in (one, other))
    return upper_bound(bounded_roi(query), sketches_of(found)) - MARGIN - exact


@pytest.mark.parametrize("window", ["uniform", "gaussian"])
def test_bounds_hold_for_pairs_of_every_sort(window):
    rng, definition = np.random.default_rng(0), SsimDefinition(window)
    for one, other in itertools.product(SORTS, SORTS):
        for _ in range(2):
            found = slack(SORTS[one](rng), SORTS[other](rng), definition)
            assert found > -ROUNDING, (one, other)


@pytest.mark.parametrize("window", ["uniform", "gaussian"])
@pytest.mark.parametrize("change", CHANGES)
def test_bounds_hold_for_near_copies(window, change):
    rng, definition = np.random.default_rng(1), SsimDefinition(window)
    for sort in SORTS.values():
        image = sort(rng)
        changed = CHANGES[change](image, rng)
        if (changed > -1).any():
            assert slack(image, changed, definition) > -ROUNDING
            assert slack(changed, image, definition) > -ROUNDING


def test_bounds_hold_for_several_sequences():
    rng = np.random.default_rng(2)
    for _ in range(20):
        one, other = (
            np.stack([sort(rng) for sort in (SORTS["smooth"], SORTS["noise"], SORTS["constant"])])
            for _ in range(2)
        )
        assert slack(one, other, SsimDefinition()) > -ROUNDING


def test_the_bound_of_an_roi_with_itself_is_1():
    rng = np.random.default_rng(3)
    for sort in SORTS.values():
        assert slack(*[sort(rng)] * 2, SsimDefinition()) < 1e-6


def test_bounds_tell_tumours_apart():
    rng = np.random.default_rng(4)
    images = [ssim_blobs.tumour(rng, 32, 2) for _ in range(12)]
    rois = [prepare_roi(image, exact=False) for image in images]
    bounds = np.array(
        [[upper_bound(bounded_roi(one), sketches_of(other)) for other in rois] for one in rois]
    )
    apart = bounds[~np.eye(12, dtype=bool)]
    assert apart.max() < 0.9
    assert apart.mean() < 0.6


def test_structure_is_the_slopes_of_windows_and_the_rest_of_their_variance():
    rng = np.random.default_rng(5)
    part = prepare_roi(SORTS["dense"](rng), exact=False).channels[0].part
    block, (z, y, x) = block_statistics(part, SsimDefinition()), (4, 6, 8)  # where a block begins
    wanted = []
    for i, j, k in itertools.product(range(2), repeat=3):
        window = part.raw[z + i : z + i + 7, y + j : y + j + 7, x + k : x + k + 7].astype(float)
        offsets = np.stack([axis.ravel() - 3 for axis in np.indices((7, 7, 7))], axis=1)
        fitted, rest, *_ = np.linalg.lstsq(np.c_[np.ones(343), offsets], window.ravel(), rcond=None)
        spread = np.sqrt((offsets**2).sum(axis=0) / 342)  # what a slope adds to the deviation
        wanted.append([*fitted[1:] * spread, np.sqrt(rest[0] / 342)])
    place = (slice(STRUCTURE, STRUCTURE + 4), z // 2, y // 2, x // 2)
    np.testing.assert_allclose(block.values[place], np.mean(wanted, axis=0), rtol=1e-4, atol=1e-6)


def test_what_leaves_the_range_cannot_be_bounded():
    image = SORTS["smooth"](np.random.default_rng(6))
    assert can_be_bounded(prepare_roi(image))
    beyond = prepare_roi(np.where(image > -1, image + 1, image), exact=False)
    assert not can_be_bounded(beyond)
    with pytest.raises(InputError, match="outside of"):
        sketches_of(beyond)
