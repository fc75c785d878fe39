"""Whether ROIs can be looked up in a gallery: one grid, and its sequences among theirs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.imaging.region import UNNAMED

_SPACING_TOLERANCE = 1e-3  # relative


def channels_in(
    gallery: Gallery,
    size: tuple[int, ...],
    spacing_mm: float,
    sequences: Sequence[str],
    whose: str,
) -> tuple[int, ...]:
    """Return which channels of an ROI are those of a gallery, in the gallery's order.

    Parameters
    ----------
    gallery : Gallery
    size, spacing_mm, sequences
        Of the ROI.
    whose : str
        What has them, for the message.

    Raises
    ------
    InputError
        The grids differ, or the ROI lacks a sequence.
    """
    plan = gallery.plan
    wanted = plan.settings
    if tuple(size) != wanted.size or abs(spacing_mm / wanted.spacing_mm - 1) > _SPACING_TOLERANCE:
        raise InputError(
            f"{whose} has {_grid(size, spacing_mm)}; the gallery has "
            f"{_grid(wanted.size, wanted.spacing_mm)}.",
            "Use a gallery of the ROI's grid, or build one: tumor-synth gallery build.",
        )
    if set(plan.sequences) <= set(sequences):
        return tuple(list(sequences).index(name) for name in plan.sequences)
    if tuple(sequences) == UNNAMED and len(plan.sequences) == 1:
        return (0,)
    raise InputError(
        f"{whose} holds {', '.join(sequences)}; the gallery has {', '.join(plan.sequences)}.",
        "Use a gallery of the ROI's sequences, or name the record of the ROI.",
    )


def require_tumour_that_varies(image: NDArray[np.float32], whose: str) -> None:
    """Make sure that there is something to compare in an ROI (C, S, A, R).

    Raises
    ------
    InputError
        All of a sequence's tumour has one intensity.
    """
    for channel in image:
        inside = channel[channel > BACKGROUND]
        if inside.size and inside.min() == inside.max():
            raise InputError(
                f"The tumour of {whose} has one intensity everywhere, so that nothing can be said "
                "of its likeness.",
                "Give the image, not a mask of it.",
            )


def _grid(size: tuple[int, ...], spacing: float) -> str:
    return f"{' x '.join(map(str, size))} voxels of {spacing:g} mm"
