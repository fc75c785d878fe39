"""Window and level: which intensities become black and white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Limits = tuple[float, float]
_PIXELS = 400  # of a drag that changes the window by the whole span


@dataclass(frozen=True)
class Preset:
    """A window by percentiles of what is not background."""

    key: str
    name: str
    percentiles: tuple[float, float]


PRESETS = (
    Preset("F1", "whole range", (0.0, 100.0)),
    Preset("F2", "all but the extremes", (0.1, 99.9)),
    Preset("F3", "soft contrast", (0.5, 99.5)),
    Preset("F4", "strong contrast", (5.0, 95.0)),
    Preset("F5", "bright parts", (50.0, 99.9)),
)


def limits_of(preset: Preset, image: NDArray[np.floating]) -> Limits:
    """Return the limits of a preset for an image, whose smallest value is its background."""
    values = image[image > image.min()]
    if values.size == 0:
        values = image.ravel()
    low, high = np.percentile(values, preset.percentiles)
    return _apart(float(low), float(high))


def dragged(limits: Limits, right: float, up: float, span: float) -> Limits:
    """Return limits after a drag: to the right widens the window, up raises its level.

    Parameters
    ----------
    limits : tuple of float
        Darkest and brightest intensity.
    right, up : float
        Pixels.
    span : float
        Of the image's intensities.
    """
    low, high = limits
    level = (low + high) / 2 + up / _PIXELS * span
    width = max((high - low) + right / _PIXELS * span, span / 1000)
    return _apart(level - width / 2, level + width / 2)


def kept_near(bounds: Limits, limits: Limits) -> Limits:
    """Return limits whose level lies within bounds, not wider than twice these."""
    low, high = bounds
    level = min(max((limits[0] + limits[1]) / 2, low), high)
    width = min(limits[1] - limits[0], 2 * (high - low))
    return _apart(level - width / 2, level + width / 2)


def extremes_of(image: NDArray[np.generic]) -> Limits:
    """Return the smallest and the largest value of an image that are finite; 0 and 0 if none is."""
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = image[np.isfinite(image)]
        low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
    return float(low), float(high)


def _apart(low: float, high: float) -> Limits:
    return (low, high) if high > low else (low, low + 1e-6 * max(abs(low), 1.0))
