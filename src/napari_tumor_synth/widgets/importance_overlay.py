"""What the importance panels of a session agree on: whether scores are shown, of what, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_tumor_synth.imaging.region import Roi

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_tumor_synth.generators.synthetic import SyntheticRoi
    from napari_tumor_synth.widgets.session import Session

_NARROWEST = 1e-3  # of two limits; napari takes no equal ones

Subject = tuple["Roi | SyntheticRoi", str]
"""An ROI, and the hash of the model that looks at it."""
Found = tuple[Any, Roi]
"""Scores on the grid of an ROI."""


@dataclass(frozen=True)
class ImportanceLook:
    """How scores are shown.

    Attributes
    ----------
    opacity : float
        0 to 1.
    threshold : float
        Scores below it are not shown, 0 to 1.
    """

    opacity: float = 0.5
    threshold: float = 0.0

    def limits(self, highest: float) -> tuple[float, float]:
        """Return the scores at both ends of the colours, of which the lower one is not shown."""
        low = min(self.threshold, highest)
        return low, max(highest, low + _NARROWEST)

    def apply_to(self, layer: Image) -> None:
        """Show a layer like this."""
        layer.opacity = self.opacity
        limits = self.limits(float(layer.data.max()))
        layer.contrast_limits = limits
        layer.contrast_limits_range = (0.0, limits[1])  # napari only ever widens it


@dataclass
class Overlay:
    """State of the overlay of a session.

    Attributes
    ----------
    wanted : bool
        Whether the box is ticked.
    asked : tuple, optional
        What one of the panels is computing.
    about, found : tuple, optional
        What is shown, and the scores; None until they are there.
    look : ImportanceLook
    """

    wanted: bool = False
    asked: Subject | None = None
    about: Subject | None = None
    found: Found | None = None
    look: ImportanceLook = ImportanceLook()

    def forget(self) -> None:
        """Have nothing to show, and nobody who computes it."""
        self.asked = self.about = self.found = None


_OVERLAYS: WeakKeyDictionary[Session, Overlay] = WeakKeyDictionary()


def overlay_of(session: Session) -> Overlay:
    """Return the state of a session's overlay, the same for all of its panels."""
    return _OVERLAYS.setdefault(session, Overlay())
