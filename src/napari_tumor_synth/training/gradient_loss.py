"""The 3D image-gradient loss: in-plane gradients over the slices of the three planes.

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
"""

from itertools import permutations
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_tumor_synth.training.precision import in_float32

GradientOperator = Literal["difference", "sobel"]
_SPATIAL = (-3, -2, -1)


@in_float32
def gradient_loss(
    reconstruction: Tensor, image: Tensor, operator: GradientOperator = "difference"
) -> Tensor:
    """Compare the gradients of two images (Eq. 2 of [1]_).

    For every axial, coronal and sagittal slice the gradient has two in-plane components. Each
    contributes the mean, over all its voxels, of the squared difference between the images; the
    six means are added. The equation writes a norm, a sum over voxels; the mean makes the weight
    independent of the size of the ROI.

    Parameters
    ----------
    reconstruction, image : torch.Tensor
        ``(B, C, S, A, R)``.
    operator : {"difference", "sobel"}
        Forward differences, the gradient as the equation has it. Every axis lies in two of the
        planes, so each of the three differences counts twice. Or the 3 x 3 Sobel operator of the
        paper's code, unnormalised, zero beyond the border: it also smooths across the direction
        of the gradient, within the slice, and its response to a ramp is 8 times the slope, so
        the loss is about 64 times larger for smooth errors.

    Returns
    -------
    torch.Tensor
        Scalar, float32.
    """
    error = reconstruction - image  # both operators are linear
    if operator == "difference":
        return 2 * torch.stack([error.diff(dim=axis).square().mean() for axis in _SPATIAL]).sum()
    components = [
        _smooth(_central_difference(error, along), across).square().mean()
        for along, across in permutations(_SPATIAL, 2)
    ]
    return torch.stack(components).sum()


def _central_difference(volume: Tensor, axis: int) -> Tensor:
    before, _, after = _shifts(volume, axis)
    return after - before


def _smooth(volume: Tensor, axis: int) -> Tensor:
    before, here, after = _shifts(volume, axis)
    return before + 2 * here + after


def _shifts(volume: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    padding = [0, 0] * (-axis - 1) + [1, 1]
    size = volume.shape[axis]
    padded = F.pad(volume, padding)
    before, here, after = (padded.narrow(axis, start, size) for start in range(3))
    return before, here, after
