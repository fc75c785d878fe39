"""The 3D image-gradient loss: in-plane gradients over the slices of the three planes.

.. [1] Zhou et al., Generating 3D Brain Tumor Regions in MRI using Vector-Quantization Generative
   Adversarial Networks, 2023.
"""

import torch
from torch import Tensor

from napari_tumor_synth.training.precision import in_float32

_SPATIAL = (-3, -2, -1)


@in_float32
def gradient_loss(reconstruction: Tensor, image: Tensor) -> Tensor:
    """Compare the gradients of two images (Eq. 2 of [1]_).

    For every axial, coronal and sagittal slice the gradient has two in-plane components, as forward
    differences. Each contributes the mean, over all its voxels, of the squared difference between
    the images; the six means are added. Every axis lies in two of the planes, so each of the three
    differences counts twice. The equation writes a norm, a sum over voxels; the mean makes the
    weight independent of the size of the ROI.

    Parameters
    ----------
    reconstruction, image : torch.Tensor
        ``(B, C, S, A, R)``.

    Returns
    -------
    torch.Tensor
        Scalar, float32.
    """
    error = reconstruction - image  # differences are linear
    return 2 * torch.stack([error.diff(dim=axis).square().mean() for axis in _SPATIAL]).sum()
