"""What a checkpoint of the 3D-VQGAN family says about its networks."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from napari_tumor_synth.generators.provenance import DecodingSettings, SequenceName
from napari_tumor_synth.imaging.mask_rule import HIGHEST_THRESHOLD, MASK_THRESHOLD
from napari_tumor_synth.networks.importance import ImportanceSettings
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.networks.vqgan_settings import VqganSettings


class VqganGeneratorSettings(BaseModel):
    """What a checkpoint of this family needs to be rebuilt.

    `mask_threshold` is where the tumour ends in what the decoder puts out; see
    `imaging.mask_rule.mask_of_generated`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: tuple[str, ...]
    conditional: bool
    sequences: tuple[SequenceName, ...]
    size: tuple[int, int, int]
    spacing_mm: float
    autoencoder: VqganSettings
    transformer: TransformerSettings
    importance: ImportanceSettings | None = None
    decoding: DecodingSettings = DecodingSettings()
    mask_threshold: Annotated[float, Field(gt=-1, le=HIGHEST_THRESHOLD)] = MASK_THRESHOLD
