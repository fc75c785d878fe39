"""Settings of a 3D-VQGAN training, with the papers' numbers as defaults.

Papers: [1]_ (unconditional, "3D-VQGAN") and [2]_ (class-conditional, "3D-VQGAN-cond").

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.imaging.mask_rule import MASK_THRESHOLD
from napari_tumor_synth.networks.discriminator import DiscriminatorSettings
from napari_tumor_synth.networks.importance import ImportanceSettings
from napari_tumor_synth.networks.transformer import TransformerSettings
from napari_tumor_synth.networks.vqgan import VqganSettings
from napari_tumor_synth.training.recipes.main_settings import SettingOffered
from napari_tumor_synth.training.vqgan.loss_settings import Positive, RecipePart
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining, TokenTraining


class VqganRecipe(RecipePart):
    """Everything that determines a training, besides the data.

    Attributes
    ----------
    name : str
        Of the generator: small letters, digits, dots and hyphens.
    description : str
        One line for the catalogue.
    family : {"vqgan"}
        Of the generator.
    seed : int
        Of everything random in training.
    size : (int, int, int)
        Voxels of an ROI along S, A and R; the cache must have it.
    spacing_mm : float
        Edge of a voxel; the cache must have it.
    sequences : sequence of str
        Channels of an ROI in their order; the cache must hold them.
    conditional : bool
        Learn the classes of the cache ([2]_), or none ([1]_).
    precision : {"32-true", "bf16-mixed", "16-mixed"}
        Of training.
    mirror : bool
        Mirror half of the ROIs left-right in the first stage.
    autoencoder, importance, discriminator, transformer
        The networks, see below; without ``importance`` every region weighs the same, without
        ``discriminator`` the first stage has no adversarial term. ``false`` leaves either out.
    autoencoder_training, token_training
        The stages of the papers, see below.
    decoder_training : AutoencoderTraining, optional
        After the first stage, its decoder alone learns on, from codes that no longer change; not in
        the papers. ``false`` leaves it out.
    decoding : DecodingSettings
        What ``generate`` uses unless told otherwise.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    description: str = ""
    family: Literal["vqgan"] = "vqgan"
    seed: Annotated[int, Field(ge=0)] = 0
    size: tuple[int, int, int] = (128, 128, 128)
    spacing_mm: Positive = 1.0
    sequences: tuple[str, ...] = ("flair",)
    conditional: bool = False
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    mirror: bool = False
    autoencoder: VqganSettings = VqganSettings()
    importance: ImportanceSettings | None = None
    discriminator: DiscriminatorSettings | None = DiscriminatorSettings()
    transformer: TransformerSettings
    autoencoder_training: AutoencoderTraining = AutoencoderTraining()
    decoder_training: AutoencoderTraining | None = None
    token_training: TokenTraining = TokenTraining()
    decoding: DecodingSettings = DecodingSettings()

    FOLLOWERS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "autoencoder.codes": ("transformer.codes",),
        "autoencoder.levels": ("transformer.levels",),
    }
    """Settings that must be equal to another one, and follow it when it is changed."""

    MAIN_SETTINGS: ClassVar[tuple[SettingOffered, ...]] = (
        SettingOffered("name", "Name", "Of the generator: small letters, digits, dots, hyphens"),
        SettingOffered(
            "autoencoder_training.phases", "First stage", "How long the autoencoder learns"
        ),
        SettingOffered(
            "autoencoder_training.phases.0.batch", "First stage: batch", "ROIs or patches a step"
        ),
        SettingOffered(
            "autoencoder_training.learning_rate",
            "First stage: learning rate",
            "Adam's at its peak; it falls along a cosine",
        ),
        SettingOffered(
            "autoencoder_training.adversarial.start",
            "Discriminator from",
            "Share of the first stage, 0 to 1, after which it learns",
        ),
        SettingOffered(
            "autoencoder_training.losses.gradient",
            "Weight of the gradient loss",
            "Sharpness of edges; 4 in the papers, 0 leaves it out",
        ),
        SettingOffered("autoencoder.codes", "Codes", "Entries of the codebook, K"),
        SettingOffered("token_training.phases", "Second stage", "How long the transformer learns"),
        SettingOffered(
            "token_training.phases.0.batch", "Second stage: batch", "Token sequences a step"
        ),
        SettingOffered(
            "token_training.learning_rate", "Second stage: learning rate", "AdamW's at its peak"
        ),
        SettingOffered(
            "token_training.mask_ratio",
            "Masked share",
            "Share of the tokens, 0 to 1, that the transformer does not get to see",
            shown_if=("token_training.masking", ("random-codes", "hybrid")),
        ),
        SettingOffered(
            "token_training.top_k",
            "Important share",
            "Share of the tokens, 0 to 1, that counts as important",
            shown_if=("token_training.masking", ("hybrid",)),
        ),
        SettingOffered("precision", "Precision", "16-mixed for GPUs, bf16-mixed for processors"),
        SettingOffered("seed", "Seed", "Of everything random in training"),
    )
    """What a panel offers to change."""

    def recorded(self) -> dict[str, Any]:
        """Return the recipe as JSON types, for records: a file is named by its SHA-256.

        What is kept of a training must not tell where its user's files lay.
        """
        content = self.model_dump(mode="json")
        for stage in ("autoencoder_training", "decoder_training"):
            perceptual = (content[stage] or {}).get("perceptual", {})
            if weights := perceptual.get("weights_file"):
                perceptual["weights_file"] = _without_its_place(weights)
        return content

    @field_validator("importance", "discriminator", "decoder_training", mode="before")
    @classmethod
    def _left_out(cls, value: Any) -> Any:
        return None if value is False else value

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        grid = self.autoencoder.latent_shape(self.size)
        wanted = {
            "transformer.length": (self.transformer.length, math.prod(grid)),
            "transformer.codes": (self.transformer.codes, self.autoencoder.codes),
            "transformer.levels": (self.transformer.levels, self.autoencoder.levels),
            "transformer.grid": (self.transformer.grid or grid, grid),
            "autoencoder.in_channels": (self.autoencoder.in_channels, len(self.sequences)),
            "conditional": (self.conditional, self.transformer.classes > 0),
        }
        for name, (given, needed) in wanted.items():
            if given != needed:
                raise ValueError(f"{name} is {given}, but the other settings need {needed}")
        if (self.token_training.masking == "cosine") is self.transformer.causal:
            raise ValueError(
                'masking "cosine" is for transformer.causal = false, and that takes no other'
            )
        if self.conditional and self.token_training.start_token == "zero":
            raise ValueError('start_token "zero" is for conditional = false')
        if self.token_training.masking == "hybrid" and self.importance is None:
            raise ValueError("hybrid masking needs importance scores: add [importance]")
        training = self.autoencoder_training
        if self.importance is not None and training.losses.classification == 0:
            raise ValueError("[importance] learns nothing: set losses.classification above 0")
        if self.autoencoder.lookup == "cosine" and training.quantiser_start > 0:
            raise ValueError("quantiser_start must be 0 for the cosine look-up")
        later = self.decoder_training
        if later is not None and (later.quantiser_start > 0 or later.losses.classification > 0):
            raise ValueError(
                "only the decoder learns in decoder_training: set quantiser_start and "
                "losses.classification to 0"
            )
        return self


def _without_its_place(weights: str) -> str:
    """Return a file's hash; what is hashed already stays, and what is not there is nothing."""
    if weights.startswith("sha256:"):
        return weights
    path = Path(weights)
    return f"sha256:{sha256_of_file(path)}" if path.is_file() else ""


def generator_settings(
    recipe: VqganRecipe, classes: tuple[str, ...], mask_threshold: float = MASK_THRESHOLD
) -> VqganGeneratorSettings:
    """Return what the checkpoint of this recipe says about its networks."""
    return VqganGeneratorSettings(
        name=recipe.name,
        classes=classes,
        conditional=recipe.conditional,
        sequences=recipe.sequences,
        size=recipe.size,
        spacing_mm=recipe.spacing_mm,
        autoencoder=recipe.autoencoder,
        transformer=recipe.transformer,
        importance=recipe.importance,
        decoding=recipe.decoding,
        mask_threshold=mask_threshold,
    )
