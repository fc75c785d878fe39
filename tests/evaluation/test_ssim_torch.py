import numpy as np
import pytest
import torch

from napari_tumor_synth.evaluation.ssim import prepare_roi, scores_of
from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_torch import scores_on_device
from ssim_blobs import blob

BOTH = pytest.mark.parametrize("window", ["uniform", "gaussian"])
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
    ),
]


def rois():
    rng = np.random.default_rng(0)
    found = [np.stack([blob(rng, 24), blob(rng, 24)]) for _ in range(3)]
    found.append(rng.uniform(-0.99, 1, (2, 24, 24, 24)).astype(np.float32))
    found.append(np.stack([blob(rng, 24, (2, 22, 1), (5, 6, 7))] * 2))
    return found


@BOTH
@pytest.mark.parametrize("device", DEVICES)
def test_values_are_those_of_the_other_path(window, device):
    definition = SsimDefinition(window)
    images = rois()
    exact = scores_of(
        prepare_roi(images[0], definition), [prepare_roi(i, definition) for i in images]
    )
    found = scores_on_device(images[0], images, definition, device, exact=True)
    np.testing.assert_allclose(found, exact, atol=1e-10)
    near = scores_on_device(images[0], images, definition, device)
    np.testing.assert_allclose(near, exact, atol=1e-5)


def test_no_others():
    assert scores_on_device(rois()[0], [], SsimDefinition(), "cpu").shape == (0, 2)
