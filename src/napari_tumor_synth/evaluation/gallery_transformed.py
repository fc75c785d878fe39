"""What is usual between real ROIs when one of them may be mirrored, turned and shifted.

The best of many transforms is higher than the score of ROIs as they are, so that it is judged by
real ROIs that were searched in the same way: some of the gallery, drawn by a fixed seed.
"""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.screening import search
from napari_tumor_synth.evaluation.stored_arrays import (
    SECONDS_BETWEEN_SAVES,
    read_arrays,
    write_arrays,
)
from napari_tumor_synth.evaluation.transformed import search_transforms
from napari_tumor_synth.progress import OnProgress, Progress

TRANSFORMED = "real_to_real_transformed.npz"
DRAWN = 100


def compare_transformed(gallery: Gallery, threads: int, on_progress: OnProgress) -> None:
    """Search real ROIs, transformed, among those of other patients; keep the scores in a file.

    What an earlier call has searched in the same gallery is not searched again.

    Parameters
    ----------
    gallery : Gallery
    threads : int
    on_progress : callable
        Called once an ROI; may raise `Cancelled`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    path = gallery.folder / TRANSFORMED
    rows, scores = _drawn(gallery), _read(path, gallery)
    last = time.monotonic()
    try:
        for number, row in enumerate(rows):
            if np.isnan(scores[number]):
                scores[number] = _nearest(gallery, row, threads)
            if time.monotonic() - last > SECONDS_BETWEEN_SAVES:
                _save(path, gallery, scores)
                last = time.monotonic()
            on_progress(Progress(number + 1, len(rows), "searching transforms of real ROIs"))
    finally:
        _save(path, gallery, scores)


def read_transformed(gallery: Gallery) -> tuple[list[int], NDArray[np.float64]] | None:
    """Return the ROIs that were searched, and the foreground score of each with its nearest.

    None where they have not all been searched. An ROI without another patient scores -1.
    """
    scores = _read(gallery.folder / TRANSFORMED, gallery)
    return None if np.isnan(scores).any() else (_drawn(gallery), scores)


def _drawn(gallery: Gallery) -> list[int]:
    drawn = np.random.default_rng(0).permutation(len(gallery))[:DRAWN]
    return sorted(drawn.tolist())


def _nearest(gallery: Gallery, row: int, threads: int) -> float:
    own = gallery.persons[row]
    others = [index for index, person in enumerate(gallery.persons) if person != own]
    if not others:
        return -1.0
    found = search_transforms(gallery, gallery.image(row), threads, others)
    as_they_are, _ = search(
        gallery, gallery.rois[row], 1, threads, among=others, another_patient=False
    )
    scores = [*(score for score, _ in found.values()), *as_they_are.values()]
    return max(score.foreground for score in scores)


def _read(path: Path, gallery: Gallery) -> NDArray[np.float64]:
    """Return the scores of an earlier call with this gallery, NaN where there are none."""
    nothing = np.full(len(_drawn(gallery)), np.nan)
    stored = read_arrays(path, "contents", "scores")
    if stored is None:
        return nothing
    contents, scores = stored
    same = contents.tolist() == gallery.contents and scores.shape == nothing.shape
    return scores.astype(np.float64) if same else nothing


def _save(path: Path, gallery: Gallery, scores: NDArray[np.float64]) -> None:
    write_arrays(path, contents=np.array(gallery.contents), scores=scores)
