"""Every planted leak is found by its name, and nothing is where there is none."""

import os

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from made_up_pools import pool
from napari_tumor_synth.study.display import NONCE, display_array, write_display_copy
from napari_tumor_synth.study.leak_audit import ALL, FILES, audit
from napari_tumor_synth.study.statistics.figures import placements

COUNT = 60


def blurred(image, rng):
    mask = image > -1
    smooth = gaussian_filter(np.where(mask, image, 0.1), 1.2)
    return np.where(mask, smooth, -1).astype(np.float32)


def noisy(image, rng):
    noise = 0.15 * rng.standard_normal(image.shape)
    return np.where(image > -1, np.clip(image + noise, -0.9, 1), -1).astype(np.float32)


def holes(image, rng):
    image = image.copy()
    inner = np.argwhere(binary_erosion(image > -1, iterations=2))
    for place in rng.choice(inner, 3, replace=False):
        image[tuple(place)] = -1
    return image


def few_levels(image, rng):
    return np.where(image > -1, np.clip(np.round(image * 10) / 10, -0.9, 1), -1).astype(np.float32)


def clipped(image, rng):
    return np.where(image > -1, np.clip(image * 1.6, -0.9, 1), -1).astype(np.float32)


def rough_edge(image, rng):
    mask = image > -1
    ring = binary_dilation(mask) & ~mask
    added = ring & (rng.random(image.shape) < 0.4)
    return np.where(added, 0.1, image).astype(np.float32)


def dark_edge(image, rng):
    mask = image > -1
    edge = mask & ~binary_erosion(mask)
    return np.where(edge, np.clip(image - 0.4, -0.9, 1), image).astype(np.float32)


def seams(image, rng):
    comb = np.where(np.arange(image.shape[0]) % 2, 0.06, -0.06)[:, None, None]
    return np.where(image > -1, np.clip(image + comb, -0.9, 1), -1).astype(np.float32)


def lopsided(image, rng):
    image = image.copy()
    low = int(np.flatnonzero((image > -1).any(axis=(1, 2)))[0])
    image[: low + 3] = -1  # cut flat at one side
    return image


PLANTED = {
    "noise": (blurred, noisy),
    "background": (holes,),
    "number of levels": (few_levels,),
    "extrema": (clipped,),
    "borders": (rough_edge, dark_edge),
    "spectrum": (seams, blurred),
    "position": (lopsided,),
}
CASES = [(what, leak) for what, leaks in PLANTED.items() for leak in leaks]


def audited(folder, leak, count=COUNT, start=0):
    pools = pool(count=count, start=start), pool("vqgan", count, leak=leak, start=start)
    rois = [roi for one in pools for roi in one.rois]
    arrays = [display_array(roi.load()) for roi in rois]
    files = [folder / f"{number}.npy" for number in range(len(rois))]
    for number, (file, array) in enumerate(zip(files, arrays, strict=True)):
        write_display_copy(file, array, number.to_bytes(NONCE))
        os.utime(file, (0, 0))
    return arrays, files, [roi.generator for roi in rois]


def found_in(result):
    return {leak.what: leak for leak in result.leaks["vqgan"]}


@pytest.mark.parametrize(("what", "leak"), CASES, ids=[leak.__name__ for _, leak in CASES])
def test_planted_leaks_are_found(what, leak, tmp_path):
    result = audit(*audited(tmp_path, leak))
    found = found_in(result)
    assert found[what].is_beyond_chance
    assert found[what].area > 0.75
    assert result.outcome == "warned"
    (told,) = result.warnings
    assert told.startswith("ROIs of vqgan are told from real ones without any knowledge")
    assert f"{what} ({found[what].area:.2f})" in told
    assert "readers may tell real from synthetic by it alone" in found[what].sentence
    assert found[FILES].area == 0.5


def test_size_is_found(tmp_path):
    arrays, files, kinds = audited(tmp_path, None)
    small = [
        np.where(binary_erosion(array > 0), array, 0).astype(np.uint8) if kind else array
        for array, kind in zip(arrays, kinds, strict=True)
    ]
    assert found_in(audit(small, files, kinds))["size"].is_beyond_chance


@pytest.mark.parametrize("change", ["time", "size"])
def test_files_that_tell(tmp_path, change):
    arrays, files, kinds = audited(tmp_path, None)
    for file, kind in zip(files, kinds, strict=True):
        if kind and change == "size":
            file.write_bytes(file.read_bytes() + b"\0")
        os.utime(file, (0, 5 if kind and change == "time" else 0))
    found = found_in(audit(arrays, files, kinds))
    assert found[FILES].area == 1
    assert found[FILES].is_beyond_chance
    assert not found["noise"].is_beyond_chance


def test_nothing_is_found_where_there_is_nothing(tmp_path):
    result = audit(*audited(tmp_path, None, start=70_000))
    assert result.outcome == "passed"
    assert result.warnings == ()


@pytest.mark.slow
def test_nothing_is_found_as_often_as_stated(tmp_path):
    outcomes = []
    for start in range(0, 2000, 100):
        result = audit(*audited(tmp_path, None, start=start * 7))
        outcomes.append(result.outcome)
        assert all(leak.area < 0.75 for leak in found_in(result).values())
    assert outcomes.count("warned") <= 3  # 5 in 100 are by chance
    assert outcomes.count("passed") >= 10


def test_generators_are_told_apart(tmp_path):
    arrays, files, kinds = audited(tmp_path, None)
    worse = [display_array(roi.load()) for roi in pool("wgan", COUNT, leak=blurred).rois]
    more = [tmp_path / f"w{number}.npy" for number in range(COUNT)]
    for file, array in zip(more, worse, strict=True):
        write_display_copy(file, array, bytes(NONCE))
        os.utime(file, (0, 0))
    result = audit(arrays + worse, files + more, kinds + ["wgan"] * COUNT)
    assert not [leak for leak in result.leaks["vqgan"] if leak.is_beyond_chance]
    assert [leak.what for leak in result.leaks["wgan"] if leak.is_beyond_chance]
    assert any("ROIs of wgan are told from real ones" in one for one in result.warnings)
    assert result.synthetic == {"vqgan": COUNT, "wgan": COUNT}
    assert result.as_json()["outcome"] == "warned"


def test_few_cases_do_not_alarm_by_chance(tmp_path):
    arrays, files, kinds = audited(tmp_path, None, count=6)
    result = audit(arrays, files, kinds)
    assert result.outcome in ("passed", "unclear")
    assert all("too few ROIs of vqgan" in sentence for sentence in result.warnings)


def test_all_together_are_judged_too(tmp_path):
    found = found_in(audit(*audited(tmp_path, noisy)))
    assert found[ALL].area > 0.75


def test_areas_are_those_of_the_roc():
    rng = np.random.default_rng(0)
    of_synthetic, of_real = placements(rng.integers(0, 5, 20).astype(float), np.arange(5.0))
    assert of_synthetic.mean() == pytest.approx(of_real.mean())
