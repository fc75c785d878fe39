"""Window and level of both images together, and the ends of the colours of their difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING
from napari_tumor_synth.widgets.planes.window_level import (
    PRESETS,
    Limits,
    dragged,
    kept_near,
    limits_of,
)

_WHOLE: Limits = (BACKGROUND, FOREGROUND_CEILING)
_SPAN = FOREGROUND_CEILING - BACKGROUND
_LIMIT, _SMALLEST, _LARGEST = 1.0, 0.05, _SPAN
_PIXELS = 400  # of a drag that changes the ends of the colours by the whole span


class PairWindows:
    """The same for both images, so that equal grey means equal intensity.

    Attributes
    ----------
    grey : tuple of float
        Intensities that are black and white.
    limit : float
        Difference at the end of the colours.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Show the whole range."""
        self.grey, self.limit = _WHOLE, _LIMIT

    def drag(self, right: float, up: float, *, difference: bool) -> None:
        """Follow the right button, in pixels."""
        if difference:
            wanted = self.limit + right / _PIXELS * _SPAN
            self.limit = float(np.clip(wanted, _SMALLEST, _LARGEST))
        else:
            self.grey = kept_near(_WHOLE, dragged(self.grey, right, up, _SPAN))

    def choose(self, number: int, images: tuple[NDArray[np.float32], ...]) -> None:
        """Take a preset, of all images together."""
        self.grey = limits_of(PRESETS[number], np.stack(images))
