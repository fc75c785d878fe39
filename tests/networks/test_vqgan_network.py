import pytest
import torch
from torch import Tensor

from codebook_steps import reconstructed
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.vqgan import Vqgan, VqganSettings


def small(**changes: object) -> VqganSettings:
    values: dict[str, object] = {
        "widths": (8, 16),
        "strides": (2, 2),
        "residual_blocks": (1, 1),
        "embedding": 6,
        "codes": 32,
        "norm": "channel",
    }
    return VqganSettings.model_validate(values | changes)


def rois(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.mark.parametrize("norm", ["batch", "group", "channel"])
@pytest.mark.parametrize("levels", [1, 3])
def test_shapes_and_range(norm: str, levels: int) -> None:
    model = Vqgan(small(norm=norm, levels=levels, in_channels=2))
    output = model(rois(2, 2, 16, 8, 12))
    assert output.reconstruction.shape == (2, 2, 16, 8, 12)
    assert output.latent.shape == output.quantised.vectors.shape == (2, 6, 4, 2, 3)
    assert output.quantised.codes.shape == (2, levels, 4, 2, 3)
    assert output.reconstruction.abs().max() <= 1


def test_papers_latents_and_resolution_stages() -> None:
    assert VqganSettings.paper_lat8().latent_shape((128, 128, 128)) == (8, 8, 8)
    assert VqganSettings.paper_lat4().latent_shape((128, 128, 128)) == (4, 4, 4)
    assert VqganSettings.conditional().latent_shape((128, 64, 32)) == (8, 4, 2)


@pytest.mark.parametrize(
    "settings",
    [
        small(widths=(8, 8, 8), strides=(1, 2, 2), residual_blocks=(0, 1, 2)),
        small(widths=(8, 8, 8), strides=(2, 2, 2), residual_blocks=(1, 1, 1)),
        small(widths=(8, 16, 16), strides=(2, 2, 1), residual_blocks=(1, 1, 0)),
        small(decoder_widths=(16, 12, 8), decoder_residual_blocks=(1, 0, 0)),
        small(final_kernel=1, initialisation="normal"),
    ],
    ids=["full-resolution stage", "surplus doubling", "stride 1 last", "own decoder", "kernel 1"],
)
def test_every_arrangement_of_stages_returns_the_size_it_was_given(
    settings: VqganSettings,
) -> None:
    x = rois(1, 1, 16, 24, 8)
    assert Vqgan(settings)(x).reconstruction.shape == x.shape


def test_codes_hold_everything_that_the_decoder_needs() -> None:
    model = Vqgan(small(levels=2))
    model(rois(2, 1, 16, 16, 16))
    model.eval()
    output = model(rois(1, 1, 16, 16, 16))
    decoded = model.decode_codes(output.quantised.codes)
    torch.testing.assert_close(decoded, output.reconstruction)


def test_gradients_reach_every_parameter() -> None:
    model = Vqgan(small(levels=2))
    x = rois(2, 1, 16, 16, 16)
    output = reconstructed(model, x)
    ((output.reconstruction - x).square().mean() + output.quantised.commitment).backward()
    lacking = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert lacking == []


@pytest.mark.parametrize("norm", ["batch", "group", "channel"])
def test_memory_format_changes_nothing(norm: str) -> None:
    model = Vqgan(small(norm=norm))
    x = rois(16, 1, 16, 16, 16)  # torch takes other kernels for few ROIs on one thread
    model(x)
    model.eval()
    expected = model.decode(model.encode(x))
    model = model.to(memory_format=torch.channels_last_3d)
    latent = model.encode(x.to(memory_format=torch.channels_last_3d))
    assert latent.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(model.decode(latent), expected, atol=1e-5, rtol=1e-4)


def interior_difference(norm: str) -> float:
    """Return how much a patch differs from the same voxels of the whole volume, off its border."""
    torch.manual_seed(0)
    model = Vqgan(small(norm=norm, residual_blocks=(0, 0)))
    whole = rois(1, 1, 48, 48, 48)
    whole[..., 32:, :, :] *= 0.1  # another contrast elsewhere, so that statistics differ
    patch = whole[..., :32, :32, :32]

    def reconstruct(x: Tensor) -> Tensor:
        return model.decode(model.encode(x))

    border = 12  # wider than the receptive field's radius
    away = slice(None, 32 - border)
    whole_part, patch_part = (reconstruct(x)[..., away, away, away] for x in (whole, patch))
    return float((whole_part - patch_part).detach().abs().max())


def test_channel_norm_gives_patches_and_whole_volumes_the_same_result() -> None:
    assert interior_difference("channel") < 1e-5


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_other_norms_do_not(norm: str) -> None:
    assert interior_difference(norm) > 1e-3


def test_bfloat16_keeps_the_output_in_float32() -> None:
    model = Vqgan(small())
    with torch.autocast("cpu", torch.bfloat16):
        output = model(rois(1, 1, 16, 16, 16))
    assert output.latent.dtype == torch.bfloat16
    assert output.reconstruction.dtype == output.quantised.vectors.dtype == torch.float32
    assert output.quantised.commitment.dtype == torch.float32


@pytest.mark.parametrize("size", [(15, 16, 16), (16, 16, 2)])
def test_sides_that_cannot_be_halved_are_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="not divisible by 4"):
        Vqgan(small()).encode(rois(1, 1, *size))


def test_wrong_number_of_sequences_is_refused() -> None:
    with pytest.raises(InputError, match=r"takes 1 sequence\(s\)"):
        Vqgan(small()).encode(rois(1, 2, 16, 16, 16))


@pytest.mark.parametrize("strides", [(2, 2), (1, 2), (2, 2, 2)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_trained_decoder_computes_what_its_layers_say(
    strides: tuple[int, ...], channels_last: bool
) -> None:
    """Upsampling and convolution in one are the same as one after the other."""
    widths = (8, 16, 24)[: len(strides)]
    settings = small(widths=widths, strides=strides, residual_blocks=(1,) * len(widths))
    model = Vqgan(settings).double().eval()
    latent = rois(2, widths[-1], 3, 2, 4).double()
    if channels_last:
        model, latent = (one.to(memory_format=torch.channels_last_3d) for one in (model, latent))
    with torch.inference_mode():
        plain = torch.nn.Sequential(*model.decoder)(latent)
        joined = model.decoder(latent)
    assert joined.shape == plain.shape
    torch.testing.assert_close(joined, plain, rtol=1e-10, atol=1e-10)


def test_a_decoder_in_training_takes_its_layers_one_by_one() -> None:
    model = Vqgan(small()).train()
    latent = rois(1, 16, 2, 2, 2)
    torch.testing.assert_close(
        model.decoder(latent), torch.nn.Sequential(*model.decoder)(latent), rtol=0, atol=0
    )


def test_normal_initialisation_is_that_of_the_papers_code() -> None:
    torch.manual_seed(0)
    model = Vqgan(small(widths=(64, 64), norm="batch", initialisation="normal"))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.numel() > 1000:
            assert float(parameter.detach().std()) == pytest.approx(0.02, rel=0.05)
            assert abs(float(parameter.detach().mean())) < 0.001
