"""Where the masks of a decoder end, for decoders whose blur is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_tumor_synth.imaging.mask_rule import MASK_THRESHOLD, mask_of_generated
from napari_tumor_synth.training.vqgan.mask_calibration import calibrated_threshold

FABRIC = SimpleNamespace(device=torch.device("cpu"))


class Balls:
    """ROIs of balls of several sizes."""

    def load(self, index):
        grid = np.indices((32, 32, 32)) - 15.5
        inside = np.sqrt((grid**2).sum(0)) < 6 + index
        return np.where(inside, 0.4, -1).astype(np.float32)[None]


class Decoder:
    """Reconstructs with a given blur."""

    def __init__(self, sigma):
        self.sigma = sigma

    def eval(self):
        return self

    def __call__(self, batch):
        image = batch[0, 0].numpy()
        blurred = ndimage.gaussian_filter(image, self.sigma) if self.sigma else image
        return SimpleNamespace(reconstruction=torch.from_numpy(blurred)[None, None])


@pytest.mark.parametrize("sigma", [0.7, 1.2, 2.0])
def test_volumes_agree_after_calibration(sigma):
    decoder, rois = Decoder(sigma), [0, 1, 2, 3, 4]
    threshold = calibrated_threshold(decoder, Balls(), rois, FABRIC)
    ratios = {t: [] for t in (MASK_THRESHOLD, threshold)}
    for roi in rois:
        image = Balls().load(roi)
        decoded = decoder(torch.from_numpy(image)[None]).reconstruction[0].numpy()
        for t in ratios:
            ratios[t].append(mask_of_generated(decoded, t).sum() / (image > -1).sum())
    assert np.median(ratios[threshold]) == pytest.approx(1, abs=0.05)
    assert np.median(ratios[MASK_THRESHOLD]) > 1.15


def test_a_decoder_that_does_not_blur_keeps_every_dark_voxel():
    assert calibrated_threshold(Decoder(0), Balls(), [0, 1], FABRIC) == MASK_THRESHOLD


def test_without_held_out_rois_there_is_nothing_to_find():
    assert calibrated_threshold(Decoder(2.0), Balls(), [], FABRIC) == MASK_THRESHOLD
