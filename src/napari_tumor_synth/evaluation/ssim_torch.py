"""The same 3D-SSIM by convolutions, for GPUs: whole volumes, a few at a time."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.evaluation.ssim_definition import SsimDefinition
from napari_tumor_synth.evaluation.ssim_volume import C1, C2


@torch.inference_mode()
def scores_on_device(
    query: NDArray[np.floating[Any]],
    others: Iterable[NDArray[np.floating[Any]]],
    definition: SsimDefinition,
    device: torch.device | str,
    *,
    exact: bool = False,
) -> NDArray[np.float64]:
    """Return the scores (N, 2), whole and foreground, of a query with each of some ROIs.

    Parameters
    ----------
    query : numpy.ndarray
        (C, S, A, R) in [-1, 1], background exactly -1.
    others : iterable of numpy.ndarray
        Of that shape; taken one by one.
    definition : SsimDefinition
    device : torch.device or str
    exact : bool
        Compute in float64, which not every device has; otherwise in float32, within 1e-5.
    """
    dtype = torch.float64 if exact else torch.float32
    weights = torch.as_tensor(definition.weights, dtype=dtype, device=device)

    def prepared(image: NDArray[np.floating[Any]]) -> tuple[Tensor, Tensor, Tensor]:
        moved = (torch.as_tensor(np.ascontiguousarray(image), device=device).to(dtype) + 1) / 2
        mirrored = _mirrored(moved, definition.reach)
        mean = _window_means(mirrored, weights)
        variance = _window_means(mirrored * mirrored, weights) - mean * mean
        return mirrored, mean, definition.covariance_factor * variance

    one = prepared(query)
    found = [_scores(one, prepared(other), weights, definition) for other in others]
    return np.array(found, np.float64).reshape(-1, 2)


def _scores(
    one: tuple[Tensor, Tensor, Tensor],
    other: tuple[Tensor, Tensor, Tensor],
    weights: Tensor,
    definition: SsimDefinition,
) -> tuple[float, float]:
    (x, m, v), (y, n, w) = one, other
    covariance = definition.covariance_factor * (_window_means(x * y, weights) - m * n)
    index = (2 * m * n + C1) * (2 * covariance + C2) / ((m * m + n * n + C1) * (v + w + C2))
    inner = (..., *(slice(definition.reach, -definition.reach),) * 3)
    union = (x[inner] > 0) | (y[inner] > 0)
    per_channel = torch.stack([index[c][union[c]].double().mean() for c in range(len(index))])
    return float(index[inner].double().mean()), float(per_channel.mean())


def _mirrored(volume: Tensor, reach: int) -> Tensor:
    for axis in (1, 2, 3):
        size = volume.shape[axis]
        places = [*range(reach - 1, -1, -1), *range(size), *range(size - 1, size - 1 - reach, -1)]
        volume = volume.index_select(axis, torch.tensor(places, device=volume.device))
    return volume


def _window_means(volume: Tensor, weights: Tensor) -> Tensor:
    taps = len(weights)
    for shape in ((taps, 1, 1), (1, taps, 1), (1, 1, taps)):
        volume = F.conv3d(volume[:, None], weights.view(1, 1, *shape))[:, 0]
    return volume
