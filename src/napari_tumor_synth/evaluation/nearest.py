"""The real ROIs that an ROI is most like, by exact 3D-SSIM of the foreground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_manifest import GalleryEntry
from napari_tumor_synth.evaluation.screening import Searched, search
from napari_tumor_synth.evaluation.ssim import SsimRoi, SsimScore, compare, prepare_roi
from napari_tumor_synth.evaluation.transformed import search_transforms
from napari_tumor_synth.evaluation.transforms import Transform
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, ignore_progress

_SPARE = 2  # ROIs beyond those asked for that are compared exactly: float32 may swap neighbours


@dataclass(frozen=True, slots=True)
class Match:
    """A real ROI and how similar it is.

    Attributes
    ----------
    index : int
        Of the gallery.
    entry : GalleryEntry
    score : SsimScore
        Computed in float64.
    transform : Transform
        What was done to the ROI before it was compared.
    """

    index: int
    entry: GalleryEntry
    score: SsimScore
    transform: Transform


@dataclass(frozen=True, slots=True)
class Nearest:
    """What is found for one ROI.

    Attributes
    ----------
    matches : tuple of Match
        Best first, by the score of the foreground: that of the whole is mostly background.
    distance_ratio : float or None
        ``(1 - best) / (1 - next)``, next being the best of another patient; near 0 for a copy. None
        where there is no other patient, or where both are identical to the ROI.
    searched : Searched
        How much of the gallery the ROI was compared with as it is, and whether the list is certain.
    as_it_is : Match
        The best without a transform.
    """

    matches: tuple[Match, ...]
    distance_ratio: float | None
    searched: Searched
    as_it_is: Match


def find_nearest(
    gallery: Gallery,
    image: NDArray[np.float32],
    top: int = 5,
    threads: int | None = None,
    *,
    transforms: bool = False,
    most: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Nearest:
    """Compare an ROI with a gallery.

    All are compared in float32, or those of a large gallery that may be among the best (see
    `search`), and the best of them again in float64.

    Parameters
    ----------
    gallery : Gallery
    image : numpy.ndarray
        (C, S, A, R) in [-1, 1], background exactly -1: on the gallery's grid, with its sequences.
    top : int
        Matches wanted.
    threads : int, optional
        None means one a core.
    transforms : bool
        Try the ROI mirrored, turned and shifted as well; see `search_transforms`.
    most : int, optional
        Real ROIs to compare the ROI with, as it is, at most: for an answer in time, which may not
        be certain then. None means as many as it takes.
    on_progress : callable
        May raise `Cancelled`.

    Raises
    ------
    InputError
        The ROI has another shape than those of the gallery, or is empty.
    GalleryError
        A file of the gallery is missing or damaged.
    """
    shape = (len(gallery.plan.sequences), *gallery.plan.settings.size)
    if image.shape != shape:
        raise InputError(
            f"The ROI has {_shape(image.shape)} voxels and the gallery's have {_shape(shape)} "
            "(sequences x S x A x R).",
            "Use a gallery of the ROI's grid and sequences.",
        )
    definition = gallery.plan.definition
    query = prepare_roi(image, definition, exact=False)
    threads = worker_count(threads)
    scores, searched = search(gallery, query, top, threads, most=most, on_progress=on_progress)
    candidates = {index: (score, Transform()) for index, score in scores.items()}
    if transforms:
        transformed = search_transforms(gallery, image, threads, on_progress=on_progress)
        for index, found in transformed.items():
            if index not in candidates or found[0].foreground > candidates[index][0].foreground:
                candidates[index] = found
    order = sorted(candidates, key=lambda index: -candidates[index][0].foreground)
    persons = gallery.persons
    others = [index for index in order if persons[index] != persons[order[0]]]
    prepared: dict[Transform, SsimRoi] = {}

    def exactly(index: int, transform: Transform) -> Match:
        gallery.require_unchanged(index)
        if transform not in prepared:
            prepared[transform] = prepare_roi(transform.apply(image), definition)
        score = compare(prepared[transform], prepare_roi(gallery.image(index), definition))
        return Match(index, gallery.entries[index], score, transform)

    matches = [
        exactly(index, candidates[index][1])
        for index in dict.fromkeys([*order[: top + _SPARE], *others[:1]])
    ]
    matches.sort(key=lambda match: -match.score.foreground)
    as_it_is = matches[0]
    if as_it_is.transform != Transform():
        best = max(scores, key=lambda index: scores[index].foreground)
        as_it_is = exactly(best, Transform())
    return Nearest(tuple(matches[:top]), _ratio(matches, persons), searched, as_it_is)


def _ratio(found: list[Match], persons: Sequence[str]) -> float | None:
    others = [match for match in found if persons[match.index] != persons[found[0].index]]
    if not others or others[0].score.foreground >= 1:
        return None
    return (1 - found[0].score.foreground) / (1 - others[0].score.foreground)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
