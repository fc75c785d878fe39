"""What a checkpoint of the 3D-VQGAN family says about its networks."""

from pydantic import BaseModel, ConfigDict

from napari_tumor_synth.generators.provenance import DecodingSettings, SequenceName
from napari_tumor_synth.networks.importance import ImportanceSettings
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.networks.vqgan_settings import VqganSettings


class VqganGeneratorSettings(BaseModel):
    """What a checkpoint of this family needs to be rebuilt."""

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
