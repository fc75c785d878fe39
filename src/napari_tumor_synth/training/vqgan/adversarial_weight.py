"""When the discriminator counts, and how much.

.. [1] Esser et al., Taming Transformers for High-Resolution Image Synthesis, 2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_tumor_synth.training.losses import ramp
from napari_tumor_synth.training.vqgan.loss_settings import AdversarialSchedule

_LEAST_SCALE = 1e-3
_LEAST_GRADIENT = 1e-4  # as in [1]_; where the critic has no slope, the weight is at its bound


@dataclass(frozen=True)
class AdversarialStrength:
    """What the discriminator does at one step.

    Attributes
    ----------
    critic_learns : bool
        Whether it takes a step itself.
    adversarial, feature_matching : float
        In [0, 1]: what its terms in the generator's loss are multiplied by.
    """

    critic_learns: bool
    adversarial: float
    feature_matching: float


def strength_at(schedule: AdversarialSchedule, step: int, total: int) -> AdversarialStrength:
    """Return what the discriminator does at `step` (from 0) of a stage of `total` steps."""
    felt = round((schedule.start + schedule.warm_up) * total)
    grown = ramp(step, felt, round(schedule.ramp * total))
    at_once = schedule.feature_matching == "from-start"
    return AdversarialStrength(
        critic_learns=step >= schedule.start * total,
        adversarial=grown,
        feature_matching=1.0 if at_once else grown,
    )


def adaptive_weight(
    reconstruction_term: Tensor,
    adversarial_term: Tensor,
    last_layer_weight: Tensor,
    scale: float = 1.0,
) -> Tensor:
    """Return the weight at which both terms pull equally at the last layer, at most 1 ([1]_ Eq. 7).

    Parameters
    ----------
    reconstruction_term, adversarial_term : torch.Tensor
        Scalars that depend on `last_layer_weight`; their graphs are kept.
    last_layer_weight : torch.Tensor
        Weight of the decoder's last convolution.
    scale : float
        What the terms are multiplied by on their way back, so that float16 does not lose their
        small gradients: the scale of the gradient scaler. Smaller ones are tried if a gradient
        overflows; the result does not depend on it.

    Returns
    -------
    torch.Tensor
        Scalar in [0, 1] without gradient; not finite if one of the gradients is not.
    """
    while True:
        ours, critics = (
            _pull(term, last_layer_weight, scale)
            for term in (reconstruction_term, adversarial_term)
        )
        if bool((ours + critics).isfinite()) or scale < _LEAST_SCALE:
            break
        scale /= 64  # the gradient overflowed on its way back
    weight = (ours / (critics + _LEAST_GRADIENT)).clamp(0.0, 1.0)
    return torch.where((ours + critics).isfinite(), weight, torch.nan)


def _pull(term: Tensor, weight: Tensor, scale: float) -> Tensor:
    (gradient,) = torch.autograd.grad(scale * term, weight, retain_graph=True)
    norm: Tensor = gradient.detach().float().norm()
    return norm / scale
