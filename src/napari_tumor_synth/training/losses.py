"""Losses of the first stage, as plain functions that return float32 scalars.

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
.. [2] Zhou and Khalvati, Conditional Generation of 3D Brain Tumor ROIs via VQGAN and
   Temporal-Agnostic Masked Transformer, 2024.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_tumor_synth.training.precision import in_float32


@in_float32
def l1_loss(
    reconstruction: Tensor,
    image: Tensor,
    foreground: Tensor | None = None,
    foreground_weight: float = 1.0,
) -> Tensor:
    """Return the mean absolute difference of voxels (Eq. 1 of [1]_).

    Parameters
    ----------
    reconstruction, image : torch.Tensor
        ``(B, C, S, A, R)``.
    foreground : torch.Tensor, optional
        Bool, of the shape of `image` or with one channel: voxels inside the tumour.
    foreground_weight : float
        Weight of those voxels; all others have weight 1. The weighted mean is taken within each
        sample and then over the samples: a constant error gives the same loss at any weight, and
        the mean over the parts of a batch is that of the whole.
    """
    error = (reconstruction - image).abs()
    if foreground is None or foreground_weight == 1.0:
        return error.mean()
    weight = torch.where(foreground, foreground_weight, 1.0).expand_as(error)
    return ((weight * error).flatten(1).sum(1) / weight.flatten(1).sum(1)).mean()


@in_float32
def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Return the mean absolute difference of discriminator features (Eq. 1 of [1]_).

    The mean is taken within each layer and then over the layers.

    Parameters
    ----------
    fake, real : sequence of torch.Tensor
        What the discriminator returns for reconstructions and for images: one tensor a layer.
        The last, its logits, is left out. No gradient flows into `real`.
    """
    layers = [F.l1_loss(f, r.detach()) for f, r in zip(fake[:-1], real[:-1], strict=True)]
    return torch.stack(layers).mean()


@in_float32
def hinge_discriminator_loss(
    real_logits: Tensor, fake_logits: Tensor, scale: float = 1.0
) -> Tensor:
    """Return ``E[max(0, 1 - D(x))] + E[max(0, 1 + D(x_hat))]`` (Eq. 3 of [1]_).

    Parameters
    ----------
    real_logits, fake_logits : torch.Tensor
        Logits of the discriminator, of any shape.
    scale : float
        Multiplies the sum; 0.5 in the paper's code.
    """
    return scale * (F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean())


@in_float32
def adversarial_loss(fake_logits: Tensor) -> Tensor:
    """Return the generator's side of the hinge loss, ``-E[D(x_hat)]``.

    The papers' equations leave it out; their code has it.
    """
    return -fake_logits.mean()


@in_float32
def classification_loss(logits: Tensor, classes: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy of the auxiliary classifier ([2]_ section 2.2).

    Parameters
    ----------
    logits : torch.Tensor
        ``(B, classes)``.
    classes : torch.Tensor
        ``(B,)`` int64.
    label_smoothing : float
        Share of the target that is spread evenly over all classes; 0.1 in the paper's code.
    """
    return F.cross_entropy(logits, classes, label_smoothing=label_smoothing)


def ramp(step: int, start: int, length: int) -> float:
    """Return a weight that is 0 up to `start`, grows linearly, and is 1 from `start + length`.

    With length 0 the weight is 1 from `start` on.
    """
    if length <= 0:
        return float(step >= start)
    return min(max((step - start) / length, 0.0), 1.0)
