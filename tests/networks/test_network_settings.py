import json

import pytest
from pydantic import BaseModel, ValidationError

from napari_tumor_synth.networks.discriminator import DiscriminatorSettings
from napari_tumor_synth.networks.importance import ImportanceSettings
from napari_tumor_synth.networks.transformer import TransformerSettings
from napari_tumor_synth.networks.vqgan import VqganSettings

EXAMPLES = [
    VqganSettings.paper_lat8(),
    VqganSettings.paper_lat4(),
    VqganSettings.conditional(),
    VqganSettings(decoder_widths=(64, 32), decoder_residual_blocks=(0, 1), levels=4),
    DiscriminatorSettings(widths=(16, 32), norm="channel"),
    ImportanceSettings(pooled=True),
    TransformerSettings.paper_lat8(),
    TransformerSettings.conditional(),
    TransformerSettings(length=64, positions="axial", grid=(4, 4, 4), causal=False),
]


@pytest.mark.parametrize("settings", EXAMPLES, ids=lambda s: type(s).__name__)
def test_json_and_back(settings: BaseModel) -> None:
    text = settings.model_dump_json()
    assert type(settings).model_validate_json(text) == settings
    assert type(settings).model_validate(json.loads(text)) == settings


@pytest.mark.parametrize("settings", EXAMPLES[:1] + EXAMPLES[4:7], ids=lambda s: type(s).__name__)
def test_unknown_settings_are_refused(settings: BaseModel) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(settings).model_validate({"colour": "red"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (8, 16)}, "one entry an encoder stage"),
        ({"strides": (1, 1, 1, 1, 1)}, "at least one encoder stage needs stride 2"),
        ({"strides": (2, 2, 3, 2, 1)}, "strides"),
        ({"decoder_widths": (8, 8), "decoder_residual_blocks": (1,)}, "one entry a decoder stage"),
        ({"norm": "group", "widths": (12, 64, 128, 256, 512)}, "divisible by 8, not 12"),
        ({"norm": "group", "decoder_widths": (64, 20)}, "divisible by 8, not 20"),
        ({"norm": "layer"}, "'batch', 'group' or 'channel'"),
        ({"lookup": "cosine", "levels": 2}, "cosine look-up is for one level"),
        ({"codes": 1}, "greater than or equal to 2"),
        ({"decay": 1.0}, "less than 1"),
    ],
)
def test_autoencoders_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VqganSettings.model_validate(changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 100, "heads": 8}, "width 100 is not divisible by 8 heads"),
        ({"positions": "axial"}, "axial positions need the grid"),
        ({"grid": (4, 4, 4)}, "does not hold 512 tokens"),
        ({"levels": 0}, "greater than or equal to 1"),
        ({"dropout": 1.0}, "less than 1"),
    ],
)
def test_transformers_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TransformerSettings.model_validate(changes)
