"""The decoder as sampling uses it against the decoder as it was trained."""

import pytest
import torch

from napari_tumor_synth.networks import trained_decoder
from napari_tumor_synth.networks.trained_decoder import SubPixelConvolution, TrainedDecoder
from napari_tumor_synth.networks.vqgan import Vqgan, VqganSettings


def autoencoder(**changes):
    shape = {"widths": (16, 16, 24), "strides": (2, 2, 1), "residual_blocks": (1, 1, 0)}
    torch.manual_seed(0)
    model = Vqgan(VqganSettings(**{**shape, "embedding": 8, **changes})).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm3d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(layer.weight, 1, 0.2)
            torch.nn.init.normal_(layer.bias, 0, 0.2)
    return model


def vectors(model):
    return torch.randn(2, model.settings.embedding, 3, 4, 5)


@pytest.mark.parametrize("norm", ["batch", "group", "channel"])
@pytest.mark.parametrize("strides", [(2, 2, 1), (2, 2, 2)])  # the second has a surplus doubling
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("slab", [None, 1, 7_000])
def test_it_computes_what_the_autoencoder_decodes(norm, strides, kernel, joined, slab, monkeypatch):
    if slab is not None:  # numbers at a time: a slice, or a few
        monkeypatch.setattr(trained_decoder, "_SLAB", slab)
    model = autoencoder(norm=norm, strides=strides, final_kernel=kernel)
    with torch.inference_mode():
        given = vectors(model)
        exact = model.decode(given)
        found = TrainedDecoder(model, joined=joined)(given)
    assert exact.std() > 0.01
    assert (found - exact).abs().max() < 1e-5


def test_bfloat16_is_near():
    model = autoencoder(norm="group")
    with torch.inference_mode():
        given = vectors(model)
        exact = model.decode(given)
        found = TrainedDecoder(model, torch.bfloat16)(given)
    assert found.dtype == torch.float32
    assert len(found.unique()) > 0.9 * len(exact.unique())  # as many levels of grey
    assert 0 < (found - exact).abs().mean() < 0.02 * exact.std()


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_the_trained_network_is_left_alone(norm):
    model = autoencoder(norm=norm)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.inference_mode():
        TrainedDecoder(model, torch.bfloat16)(vectors(model))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_sub_pixel_convolution_is_upsampling_and_convolution():
    convolution = torch.nn.Conv3d(3, 5, 3, padding=1)
    given = torch.randn(2, 3, 4, 5, 6)
    with torch.inference_mode():
        exact = convolution(torch.nn.functional.interpolate(given, scale_factor=2.0))
        assert torch.allclose(SubPixelConvolution(convolution)(given), exact, atol=1e-5)
