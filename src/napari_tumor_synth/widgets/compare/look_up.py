"""The nearest real ROIs of one ROI, as the panel lists them; computed away from the window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_tumor_synth.imaging.contact_sheet import plane_image, widest_planes
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING
from napari_tumor_synth.progress import OnProgress, ignore_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.evaluation.memorisation import Verdict
    from napari_tumor_synth.evaluation.nearest import Match, Nearest
    from napari_tumor_synth.widgets.compare.pair import Pair
    from napari_tumor_synth.widgets.compare.queries import Query

TOP = 5


@dataclass(frozen=True, eq=False)
class Listed:
    """A real ROI in the list.

    Attributes
    ----------
    match : Match
    percentile : float or None
        Share of 100 real ROIs whose nearest real one is less similar; None if not calibrated.
    thumbnail : ndarray of uint8, (A, R)
        Its widest axial plane in radiological convention.
    """

    match: Match
    percentile: float | None
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Found:
    """What is found for a query.

    Attributes
    ----------
    query : Query
    gallery : Gallery
    transforms : bool
        Whether it was also compared mirrored, turned and shifted.
    listed : tuple of Listed
        Best first.
    nearest : Nearest
    verdict : Verdict
    thumbnail : ndarray of uint8, (A, R)
        Of the query.
    """

    query: Query
    gallery: Gallery
    transforms: bool
    listed: tuple[Listed, ...]
    nearest: Nearest
    verdict: Verdict
    thumbnail: NDArray[np.uint8]


def open_gallery(folder: Path) -> Gallery:
    """Open a gallery with all that a look-up needs, so that damage is found at once.

    Raises
    ------
    GalleryError
        There is no finished gallery, or a part of it is damaged.
    """
    from napari_tumor_synth.evaluation.gallery import Gallery

    gallery = Gallery.open(folder)
    for part in (gallery.outlines, gallery.rois, gallery.scores):
        assert part is not None  # having asked for it, it is read
    return gallery


def find(
    query: Query,
    gallery: Gallery,
    *,
    transforms: bool,
    on_progress: OnProgress = ignore_progress,
) -> Found:
    """Look a query up, and judge it; `on_progress` may raise `Cancelled`.

    Raises
    ------
    InputError
        It lies on another grid than the gallery's, or is empty.
    GalleryError
        A file of the gallery is missing or damaged.
    """
    from napari_tumor_synth.evaluation.judging import Judge
    from napari_tumor_synth.evaluation.nearest import find_nearest

    image = _channels_of(query, gallery)
    nearest = find_nearest(gallery, image, TOP, transforms=transforms, on_progress=on_progress)
    judge = Judge.of_gallery(gallery, transforms=transforms)
    (judged,) = judge.judge([nearest])
    calibration = judge.calibration
    pictures = thumbnails_of([image[0], *(gallery.image(m.index)[0] for m in nearest.matches)])
    listed = tuple(
        Listed(
            match,
            calibration.percentile(match.score.foreground) if calibration.is_enough else None,
            picture,
        )
        for match, picture in zip(nearest.matches, pictures[1:], strict=True)
    )
    return Found(query, gallery, transforms, listed, nearest, judged.verdict, pictures[0])


def pair_of(found: Found, listed: Listed) -> Pair:
    """Return both images of a match, so that they correspond.

    Raises
    ------
    GalleryError
        The file of the real one is missing or damaged.
    """
    from napari_tumor_synth.evaluation.transforms import Transform
    from napari_tumor_synth.widgets.compare.pair import Pair

    gallery, query, match = found.gallery, found.query, listed.match
    gallery.require_unchanged(match.index)
    chosen = _channels_of(query, gallery)
    if match.transform != Transform():
        chosen = match.transform.apply(chosen)
    return Pair(
        chosen=chosen,
        match=gallery.image(match.index),
        kinds=(query.kind, "REAL" if gallery.patient_data else "SIMULATED"),
        names=(query.name, f"{match.entry.name} ({match.entry.class_name}, {match.entry.split})"),
        sequences=gallery.plan.sequences,
        spacing_mm=gallery.plan.settings.spacing_mm,
        transform=match.transform,
    )


def _channels_of(query: Query, gallery: Gallery) -> NDArray[np.float32]:
    from napari_tumor_synth.workflows.gallery_grid import channels_in, require_tumour_that_varies

    roi = query.roi
    settings = roi.settings
    channels = channels_in(gallery, settings.size, settings.spacing_mm, roi.sequences, query.name)
    image = roi.image[list(channels)]
    require_tumour_that_varies(image, query.name)
    return image


def thumbnails_of(images: list[NDArray[np.float32]]) -> list[NDArray[np.uint8]]:
    """Return the axial plane (A, R) that shows most of each ROI (S, A, R), all at one scale.

    They are squares around the middle of the grid in which every tumour fits.
    """
    planes = [_widest(image) for image in images]
    middle = (np.array(planes[0].shape) - 1) / 2
    reach = max(float(np.abs(np.argwhere(one > BACKGROUND) - middle).max()) for one in planes)
    low = np.maximum(np.floor(middle - reach - 1).astype(int), 0)
    high = np.ceil(middle + reach + 1).astype(int) + 1
    return [_grey(one[low[0] : high[0], low[1] : high[1]]) for one in planes]


def _widest(image: NDArray[np.float32]) -> NDArray[np.float32]:
    index = widest_planes(image > BACKGROUND)["axial"]
    return plane_image(image, "axial", index).astype(np.float32)


def _grey(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    share = (plane - BACKGROUND) / (FOREGROUND_CEILING - BACKGROUND)
    return np.ascontiguousarray(np.clip(255 * share, 0, 255).astype(np.uint8))
