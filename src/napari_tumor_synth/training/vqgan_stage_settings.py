"""Settings of the stages of a 3D-VQGAN training, with the papers' numbers as defaults.

Papers: [1]_ (unconditional, "3D-VQGAN") and [2]_ (class-conditional, "3D-VQGAN-cond").

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class RecipePart(BaseModel):
    """A table of a recipe: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Phase(RecipePart):
    """A stretch of training with one batch size and one patch size.

    Attributes
    ----------
    batch : int
        ROIs (or patches) a step; 3 in [1]_ section 4.1 and [2]_ section 3.
    epochs, steps : int
        Length; exactly one of the two.
    crop : int, optional
        Edge of the patches in voxels; None trains on whole ROIs, as the papers do.
    """

    batch: Annotated[int, Field(ge=1)] = 3
    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    crop: Annotated[int, Field(ge=8)] | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self

    def step_count(self, rois: int) -> int:
        """Return the steps of this phase for a training set of `rois` ROIs."""
        if self.steps is not None:
            return self.steps
        return (self.epochs or 0) * math.ceil(rois / self.batch)


class LossWeights(RecipePart):
    """Weights of Eq. 5 of [1]_ and Eq. 3 of [2]_.

    Attributes
    ----------
    l1, feature_matching, gradient, codebook : float
        lambda_1, lambda_3, lambda_4, lambda_5: 4, 4, 4, 1 in both papers.
    perceptual : float
        lambda_2: 1 in both papers; needs a backbone.
    adversarial : float
        Weight of the generator's adversarial term. It is missing from the papers' equations but
        present in their code.
    reconstruction, classification : float
        C_1 = 0.8 and C_2 = 0.2 of [2]_; 1 and 0 give [1]_.
    foreground : float
        Weight of voxels inside the tumour in the L1 term; 1 in the papers.
    """

    l1: NonNegative = 4.0
    perceptual: NonNegative = 0.0
    feature_matching: NonNegative = 4.0
    gradient: NonNegative = 4.0
    codebook: NonNegative = 1.0
    adversarial: NonNegative = 1.0
    reconstruction: NonNegative = 1.0
    classification: NonNegative = 0.0
    foreground: Positive = 1.0


class PerceptualChoice(RecipePart):
    """The perceptual term.

    Attributes
    ----------
    backbone : {"efficientnet-lite0", "vgg16", "none"}
        VGG16 in the papers: name a file of its weights. EfficientNet-Lite0 is installed.
    slices : int
        3 in [1]_, 6 in [2]_.
    distance : {"unit", "squared"}
        Between features scaled to unit length, whose size does not depend on the backbone, or the
        squared difference of Eq. 1, which for EfficientNet-Lite0 is some 60 times larger.
    weights_file : str
        Weights of VGG16.
    """

    backbone: Literal["efficientnet-lite0", "vgg16", "none"] = "none"
    slices: Annotated[int, Field(ge=1)] = 3
    distance: Literal["unit", "squared"] = "unit"
    weights_file: str = ""


class AdversarialSchedule(RecipePart):
    """When the discriminator starts and how its term grows.

    The papers do not say; their code starts at epoch 1,500 to 2,500 of 4,000.

    Attributes
    ----------
    start : float
        Share of the stage after which the discriminator starts to learn.
    warm_up : float
        Share of the stage during which it learns before the generator feels it.
    ramp : float
        Share of the stage over which its terms grow to full weight.
    """

    start: Share = 0.5
    warm_up: Share = 0.02
    ramp: Share = 0.1


class AutoencoderTraining(RecipePart):
    """First stage.

    Attributes
    ----------
    phases : sequence of Phase
        What is trained on, in order.
    learning_rate : float
        Adam's, for autoencoder and discriminator; it falls along a cosine.
    betas : (float, float)
        Adam's.
    final_learning_rate : float
        At the last step.
    warm_up_steps : int
        Steps in which the learning rate grows to its peak.
    clip_norm : float
        Largest norm of the gradient.
    quantiser_start : float
        Share of the stage during which the decoder sees the latent itself, so that the codebooks
        begin in a latent that has settled; 0 in the papers.
    losses : LossWeights
        See below.
    perceptual : PerceptualChoice
        See below.
    adversarial : AdversarialSchedule
        See below.
    """

    phases: tuple[Phase, ...] = (Phase(epochs=4000),)
    learning_rate: Positive = 1e-4
    betas: tuple[Share, Share] = (0.5, 0.9)
    final_learning_rate: NonNegative = 0.0
    warm_up_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: Positive = 1.0
    quantiser_start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    losses: LossWeights = LossWeights()
    perceptual: PerceptualChoice = PerceptualChoice()
    adversarial: AdversarialSchedule = AdversarialSchedule()

    @model_validator(mode="after")
    def _nothing_is_off_in_silence(self) -> Self:
        if self.perceptual.backbone == "none" and self.losses.perceptual > 0:
            raise ValueError(
                "the perceptual term needs a backbone: choose one, or set losses.perceptual to 0"
            )
        return self


class TokenTraining(RecipePart):
    """Second stage.

    Attributes
    ----------
    phases : sequence of Phase
        What is trained on, in order; always whole ROIs.
    learning_rate : float
        AdamW's.
    betas : (float, float)
        AdamW's.
    weight_decay : float
        AdamW's.
    schedule : {"constant", "cosine"}
        Of the learning rate.
    warm_up_steps : int
        Steps in which the learning rate grows to its peak.
    clip_norm : float
        Largest norm of the gradient.
    masking : {"random-codes", "hybrid", "cosine", "none"}
        Random codes ([1]_ section 3.1), temporal-agnostic hybrid masking ([2]_ section 2.1), a
        cosine schedule with [MASK] only (bidirectional models), or clean next-token prediction.
    mask_ratio : float
        alpha: 0.5 in both papers, 0.15 for the paediatric data of [1]_.
    top_k : float
        Share of the ranking that counts as important: 0.25 in [2]_.
    sided : {"single", "double"}
        Neighbours masked with each important token ([2]_ appendix B.2).
    loss_on : {"masked", "all"}
        Positions in the cross-entropy: the masked ones (Eq. 6 of [1]_), or all.
    mirror : bool
        Learn each ROI mirrored left-right too.
    """

    phases: tuple[Phase, ...] = (Phase(epochs=1500),)
    learning_rate: Positive = 4.5e-6
    betas: tuple[Share, Share] = (0.9, 0.95)
    weight_decay: NonNegative = 0.01
    schedule: Literal["constant", "cosine"] = "constant"
    warm_up_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: Positive = 1.0
    masking: Literal["random-codes", "hybrid", "cosine", "none"] = "random-codes"
    mask_ratio: Share = 0.5
    top_k: Share = 0.25
    sided: Literal["single", "double"] = "single"
    loss_on: Literal["masked", "all"] = "masked"
    mirror: bool = False
