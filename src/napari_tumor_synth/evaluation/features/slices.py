"""Which slices of an ROI a two-dimensional network sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.contact_sheet import Plane, plane_image
from napari_tumor_synth.imaging.mask_rule import foreground_of

MOST = 8
"""Slices of an ROI and plane; neighbouring ones say little new."""
_OTHER_AXES: dict[Plane, tuple[int, int]] = {
    "axial": (1, 2), "coronal": (0, 2), "sagittal": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class SliceSelection:
    """A choice of slices, the same for every set.

    Parameters
    ----------
    tumour : bool
        Only slices that hold tumour. Otherwise those of the whole grid, and sets of small tumours
        look alike because background does.
    centre : float
        Share of them that is seen, in (0, 1], from their middle.
    most : int or None
        At most so many, evenly spaced; None: no limit.

    Raises
    ------
    InputError
        No slice could be chosen so.
    """

    tumour: bool = True
    centre: float = 1.0
    most: int | None = MOST

    def __post_init__(self) -> None:
        if not 0 < self.centre <= 1 or (self.most is not None and self.most < 1):
            raise InputError(
                f"No slices are a share of {self.centre:g} and at most {self.most}.",
                "Give a share above 0 and up to 1, and at least one slice.",
            )

    def __str__(self) -> str:
        middle = "" if self.centre == 1 else f", the middle {self.centre:.0%} of them"
        most = "" if self.most is None else f", at most {self.most} of an ROI, evenly spaced"
        return f"{'slices that hold tumour' if self.tumour else 'all slices'}{middle}{most}"

    def indices(self, image: NDArray[np.float32], plane: Plane) -> NDArray[np.int64]:
        """Return which slices of an ROI (C, S, A, R) are seen, in ascending order.

        Raises
        ------
        InputError
            There is no tumour.
        """
        held: NDArray[np.bool_] = np.any(foreground_of(image), axis=_OTHER_AXES[plane])
        if not held.any():
            raise InputError("An ROI has no tumour.", "Leave it out of the set.")
        chosen = np.flatnonzero(held) if self.tumour else np.arange(len(held))
        kept = max(1, round(self.centre * len(chosen)))
        start = (len(chosen) - kept) // 2
        chosen = chosen[start : start + kept]
        if self.most is not None and len(chosen) > self.most:
            chosen = chosen[np.linspace(0, len(chosen) - 1, self.most).round().astype(int)]
        return chosen


TUMOUR_SLICES = SliceSelection()


def slices_of(
    image: NDArray[np.float32], plane: Plane, selection: SliceSelection = TUMOUR_SLICES
) -> NDArray[np.float32]:
    """Return slices (k, C, height, width) of an ROI (C, S, A, R) as they are displayed.

    Axial slices lie across S, coronal ones across A, sagittal ones across R.

    Raises
    ------
    InputError
        There is no tumour.
    """
    return np.stack(
        [
            np.stack([plane_image(channel, plane, int(index)) for channel in image])
            for index in selection.indices(image, plane)
        ]
    ).astype(np.float32)
