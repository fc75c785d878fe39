import json

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.daef import daef
from napari_tumor_synth.evaluation.paired import measure_pairs
from napari_tumor_synth.progress import Cancelled
from ssim_blobs import blob


def pairs(count, seed=0, size=18):
    rng = np.random.default_rng(seed)
    real = [blob(rng, size) for _ in range(count)]
    noisy = [
        np.where(roi > -1, np.clip(roi + rng.normal(0, 0.2, roi.shape), -0.9, 1), -1)
        for roi in real
    ]
    return [roi.astype(np.float32) for roi in noisy], real


def rows(table):
    return {(row.name, row.region): row for row in table.rows}


def test_means_are_skimages_over_the_pairs():
    ours, theirs = pairs(5)
    found = rows(measure_pairs(ours, theirs))
    expected = [
        peak_signal_noise_ratio(y, x, data_range=2) for x, y in zip(ours, theirs, strict=True)
    ]
    whole = found["PSNR (dB)", "whole image"]
    assert whole.mean == pytest.approx(np.mean(expected), abs=1e-5)
    assert whole.sd == pytest.approx(np.std(expected, ddof=1), abs=1e-5)
    assert whole.low < whole.mean < whole.high
    assert (whole.n, whole.identical) == (5, 0)
    expected = [
        peak_signal_noise_ratio(y[union], x[union], data_range=2)
        for x, y in zip(ours, theirs, strict=True)
        for union in [(x > -1) | (y > -1)]
    ]
    assert found["PSNR (dB)", "tumour region"].mean == pytest.approx(np.mean(expected), abs=1e-5)
    expected = [
        structural_similarity((x.astype(float) + 1) / 2, (y.astype(float) + 1) / 2, data_range=1)
        for x, y in zip(ours, theirs, strict=True)
    ]
    assert found["3D-SSIM", "whole image"].mean == pytest.approx(np.mean(expected), abs=1e-9)
    assert found["3D-SSIM", "tumour region"].mean < found["3D-SSIM", "whole image"].mean


def test_masks_decide_what_the_tumour_region_is():
    ours, theirs = pairs(3)
    masks = [np.zeros(roi.shape, bool) for roi in theirs]
    for mask in masks:
        mask[8:11, 8:11, 8:11] = True
    row = rows(measure_pairs(ours, theirs, masks=masks))["PSNR (dB)", "tumour region"]
    expected = [
        peak_signal_noise_ratio(y[mask], x[mask], data_range=2)
        for x, y, mask in zip(ours, theirs, masks, strict=True)
    ]
    assert row.mean == pytest.approx(np.mean(expected), abs=1e-5)


def test_channels_are_allowed():
    ours, theirs = pairs(2)
    stacked = measure_pairs([np.stack([x, x]) for x in ours], [np.stack([y, y]) for y in theirs])
    single = measure_pairs(ours, theirs)
    assert [row.mean for row in stacked.rows] == pytest.approx([row.mean for row in single.rows])


def test_the_interval_is_of_patients_where_they_are_named():
    ours, theirs = pairs(4)
    repeated = measure_pairs(ours * 4, theirs * 4, patients=list("abcd") * 4).rows[0]
    single = measure_pairs(ours, theirs).rows[0]
    unknowing = measure_pairs(ours * 4, theirs * 4).rows[0]
    assert repeated.high - repeated.low == pytest.approx(single.high - single.low)
    assert unknowing.high - unknowing.low < 0.7 * (repeated.high - repeated.low)


def test_identical_pairs_are_counted_and_left_out_of_the_psnr():
    ours, theirs = pairs(4)
    ours[1] = theirs[1].copy()
    table = measure_pairs(ours, theirs)
    psnr, ssim = rows(table)["PSNR (dB)", "whole image"], rows(table)["3D-SSIM", "whole image"]
    assert (psnr.n, psnr.identical) == (3, 1)
    assert np.isfinite([psnr.mean, psnr.low, psnr.high]).all()
    assert (ssim.n, ssim.identical) == (4, 0)
    copies = rows(measure_pairs(theirs, theirs))["PSNR (dB)", "whole image"]
    assert (copies.n, copies.identical, copies.mean, copies.sd, copies.low) == (
        0, 4, None, None, None,
    )  # fmt: skip
    json.dumps(table.as_json(), allow_nan=False)


def test_features_add_the_daef_of_both_regions():
    ours, theirs = pairs(4)
    rng = np.random.default_rng(1)
    whole, tumour = (rng.normal(size=(2, 4, 6)) for _ in range(2))
    found = rows(
        measure_pairs(ours, theirs, whole_features=tuple(whole), tumour_features=tuple(tumour))
    )
    for region, features in (("whole image", whole), ("tumour region", tumour)):
        row = found["DAEF", region]
        assert row.mean == pytest.approx(daef(*features))
        assert (row.n, row.sd) == (4, None)
    with pytest.raises(InputError, match="for 4 pairs"):
        measure_pairs(ours, theirs, whole_features=(whole[0][:3], whole[1][:3]))


def test_sets_that_do_not_pair_up_are_refused():
    ours, theirs = pairs(3)
    with pytest.raises(InputError, match="2 synthetic and 3 real"):
        measure_pairs(ours[:2], theirs)
    with pytest.raises(InputError, match="1 synthetic and 1 real"):
        measure_pairs(ours[:1], theirs[:1])
    with pytest.raises(InputError, match=r"Pair 2 is of two cases: c .* and b"):
        measure_pairs(ours, theirs, names=(["a", "c", "b"], ["a", "b", "c"]))
    with pytest.raises(InputError, match="2 and 3 names"):
        measure_pairs(ours, theirs, names=(["a", "b"], ["a", "b", "c"]))
    with pytest.raises(InputError, match="2 masks"):
        measure_pairs(ours, theirs, masks=[theirs[0] > -1] * 2)


def test_bad_pairs_are_named():
    ours, theirs = pairs(3)
    names = (["a", "b", "c"],) * 2
    with pytest.raises(InputError, match=r"Pair 2 \(b\).*differ in shape"):
        measure_pairs([ours[0], ours[1][1:], ours[2]], theirs, names=names)
    empty = np.full_like(ours[0], -1)
    with pytest.raises(InputError, match=r"Pair 3: .*any tumour"):
        measure_pairs([*ours[:2], empty], [*theirs[:2], empty])
    broken = ours[0].copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="Pair 1 holds values that are not numbers"):
        measure_pairs([broken, *ours[1:]], theirs)


def test_it_can_be_cancelled():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure_pairs(*pairs(2), on_progress=stop)
