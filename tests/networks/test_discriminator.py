import pytest
import torch
from pydantic import ValidationError

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.discriminator import DiscriminatorSettings, PatchDiscriminator


def test_published_geometry() -> None:
    with torch.device("meta"):
        features = PatchDiscriminator(DiscriminatorSettings())(torch.empty(1, 1, 128, 128, 128))
    assert [tuple(f.shape[1:]) for f in features] == [
        (64, 64, 64, 64),
        (128, 32, 32, 32),
        (256, 16, 16, 16),
        (512, 8, 8, 8),
        (1, 5, 5, 5),
    ]


@pytest.mark.parametrize("norm", ["batch", "group", "channel"])
@pytest.mark.parametrize(("layers", "side"), [(2, 16), (3, 32)])
def test_small_patches_and_gradients(norm: str, layers: int, side: int) -> None:
    settings = DiscriminatorSettings.model_validate(
        {"in_channels": 2, "widths": (8, 16, 24)[:layers], "norm": norm}
    )
    model = PatchDiscriminator(settings)
    assert settings.smallest_side == side
    logits = model(torch.randn(2, 2, side, side, side + 8))[-1]
    assert logits.shape[:2] == (2, 1)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_no_norm_in_the_first_stage() -> None:
    model = PatchDiscriminator(DiscriminatorSettings(widths=(8, 16)))
    norms = [any("Norm" in type(m).__name__ for m in stage.modules()) for stage in model.stages]
    assert norms == [False, True, False]


def test_too_small_an_roi_is_refused() -> None:
    model = PatchDiscriminator(DiscriminatorSettings(widths=(4, 4, 4)))
    with pytest.raises(InputError, match="at least 32 voxels"):
        model(torch.zeros(1, 1, 32, 24, 32))


def test_group_norm_needs_widths_divisible_by_eight() -> None:
    with pytest.raises(ValidationError, match="divisible by 8, not 12"):
        DiscriminatorSettings(widths=(4, 12), norm="group")
