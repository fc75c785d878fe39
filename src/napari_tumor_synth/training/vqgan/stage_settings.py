"""Settings of the stages of a 3D-VQGAN training, with the papers' numbers as defaults.

Where the authors' code does something else, a switch beside the paper's way says so; the recipes
``*-released`` set them all.

Papers: [1]_ (unconditional, "3D-VQGAN") and [2]_ (class-conditional, "3D-VQGAN-cond").

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_tumor_synth.training.vqgan.loss_settings import (
    AdversarialSchedule,
    LossWeights,
    NonNegative,
    PerceptualChoice,
    Positive,
    RecipePart,
    Share,
)


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
    clipping : {"norm", "value"}
        Of the gradient: shortened as a whole, or each of its elements cut off by itself, which
        changes its direction (both codes). The papers say nothing.
    clip_norm : float
        Largest norm, for ``clipping = "norm"``.
    clip_value : float
        Largest size of an element, for ``clipping = "value"``: 1 in both codes.
    label_smoothing : float
        Of the auxiliary classifier's cross-entropy: 0 in [2]_, 0.1 in its code.
    ema_decay : float
        Of the average of the weights over the steps, which is what is reviewed and kept; 0 keeps
        the weights of the last step, as the papers do.
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
    clipping: Literal["norm", "value"] = "norm"
    clip_norm: Positive = 1.0
    clip_value: Positive = 1.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
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

    @property
    def clip_limit(self) -> float:
        """What the way of clipping clips to."""
        return self.clip_norm if self.clipping == "norm" else self.clip_value


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
    ema_decay : float
        Of the average of the weights over the steps, which is what is reviewed and kept; 0 keeps
        the weights of the last step, as the papers do.
    masking : {"random-codes", "hybrid", "cosine", "none"}
        Random codes ([1]_ section 3.1), temporal-agnostic hybrid masking ([2]_ section 2.1), a
        cosine schedule with [MASK] only (bidirectional models), or clean next-token prediction.
    mask_ratio : float
        alpha: 0.5 in both papers, 0.15 for the paediatric data of [1]_.
    top_k : float
        Share of the ranking that counts as important: 0.25 in [2]_.
    sided : {"single", "double"}
        Neighbours masked with each important token ([2]_ appendix B.2).
    mask_selection : {"paper", "released"}
        How hybrid masking chooses positions: as [2]_ section 2.1 says, or as its code does, which
        weighs draws by the token's index and so masks late slabs most.
    start_token : {"random", "zero"}
        What begins a sequence of an unconditional model: a random code ([1]_ section 4.3), or
        always code 0 (its code's training; it samples from either).
    loss_on : {"masked", "all"}
        Positions in the cross-entropy: the masked ones (Eq. 6 of [1]_), or all (both codes).
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
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    masking: Literal["random-codes", "hybrid", "cosine", "none"] = "random-codes"
    mask_ratio: Share = 0.5
    top_k: Share = 0.25
    sided: Literal["single", "double"] = "single"
    mask_selection: Literal["paper", "released"] = "paper"
    start_token: Literal["random", "zero"] = "random"
    loss_on: Literal["masked", "all"] = "masked"
    mirror: bool = False

    @model_validator(mode="after")
    def _nothing_is_off_in_silence(self) -> Self:
        if self.mask_selection == "released" and self.masking != "hybrid":
            raise ValueError('mask_selection "released" is for masking "hybrid"')
        if self.mask_selection == "released" and self.sided == "double":
            raise ValueError('mask_selection "released" is for sided "single"')
        return self
