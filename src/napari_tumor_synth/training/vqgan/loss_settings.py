"""Settings of the losses of a 3D-VQGAN, with the papers' numbers as defaults.

Where the authors' code does something else, a switch beside the paper's way says so.

Papers: [1]_ (unconditional, "3D-VQGAN") and [2]_ (class-conditional, "3D-VQGAN-cond").

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class RecipePart(BaseModel):
    """A table of a recipe: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
        Weight of voxels inside the tumour in the L1 term, whose mean is taken within each ROI; 1 in
        the papers.
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

    @property
    def need_critic(self) -> bool:
        """Whether any term comes from the discriminator."""
        return self.adversarial > 0 or self.feature_matching > 0


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
    planes : {"all", "axial", "coronal", "sagittal"}
        Planes that slices are taken of. The papers name none; their code takes one axis only.
    depths : (float, float), optional
        Where slices are drawn, as shares of the ROI's edge; None draws within the tumour. In both
        codes slices 30 to 98 of 128: (0.234375, 0.765625).
    """

    backbone: Literal["efficientnet-lite0", "vgg16", "none"] = "none"
    slices: Annotated[int, Field(ge=1)] = 3
    distance: Literal["unit", "squared"] = "unit"
    weights_file: str = ""
    planes: Literal["all", "axial", "coronal", "sagittal"] = "all"
    depths: tuple[Share, Share] | None = None

    @model_validator(mode="after")
    def _some_depth(self) -> Self:
        if self.depths is not None and self.depths[0] >= self.depths[1]:
            raise ValueError("the first of depths must be smaller than the second")
        return self


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
    weighting : {"constant", "adaptive"}
        Weight of the generator's adversarial term beside ``losses.adversarial``: 1, or the ratio
        of the gradients of L1 and adversarial term at the decoder's last convolution, at most 1
        (both codes; Esser et al. 2021, Eq. 7, without their bound).
    critic_scale : float
        What the discriminator's loss is multiplied by: 1 in Eq. 3 of [1]_, 0.5 in its code. Adam's
        steps do not depend on it, except through clipping.
    feature_matching : {"with-critic", "from-start"}
        When this term counts: as the adversarial one, or from the first step on, with features of a
        discriminator that has not learnt yet (both codes).
    """

    start: Share = 0.5
    warm_up: Share = 0.02
    ramp: Share = 0.1
    weighting: Literal["constant", "adaptive"] = "constant"
    critic_scale: Positive = 1.0
    feature_matching: Literal["with-critic", "from-start"] = "with-critic"
