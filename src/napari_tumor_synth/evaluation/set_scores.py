"""The 3D-SSIM that a memorisation report of a whole set is made of.

All are of the foreground: most of a whole masked ROI is background that all ROIs share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.ssim import compare, prepare_roi, scores_of
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

MOST_ROWS = 300
"""Real ROIs of a split that are compared with the training ROIs; more are drawn from."""
MOST_AMONG = 500
"""Synthetic ROIs that are compared with each other; more are drawn from."""
MOST_BYTES = 2_000_000_000
"""Of them, ready to be compared; of large ROIs fewer are drawn."""


@dataclass(frozen=True, eq=False)
class SetScores:
    """Foreground 3D-SSIM within and between a synthetic set and a gallery.

    Attributes
    ----------
    to_real : (n, N) float64
        Of each synthetic with each real ROI: the highest in float64, the others in float32.
    train, held_out : (T,), (H,) int64
        Real ROIs that the generator learnt from, and those that it never saw.
    left_out : (M,) float64
        Of training ROIs with their nearest training ROI of another patient; NaN without one.
    left_out_rows : (M,) int64
        Which those are: all, or some that were drawn.
    held_out_nearest : (K,) float64
        Of held-out ROIs with their nearest training ROI.
    held_out_index : (K,) int64
        Index of that training ROI.
    held_out_rows : (K,) int64
    own_nearest : dict of int to float
        Of every training ROI that is some ROI's nearest: score with its own nearest training ROI of
        another patient.
    among : (m, m) float64
        Of synthetic ROIs with each other; the diagonal is NaN.
    among_rows : (m,) int64
    """

    to_real: NDArray[np.float64]
    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    left_out: NDArray[np.float64]
    left_out_rows: NDArray[np.int64]
    held_out_nearest: NDArray[np.float64]
    held_out_index: NDArray[np.int64]
    held_out_rows: NDArray[np.int64]
    own_nearest: dict[int, float]
    among: NDArray[np.float64]
    among_rows: NDArray[np.int64]


def score_set(
    gallery: Gallery,
    images: Sequence[NDArray[np.float32]],
    *,
    seed: int = 0,
    threads: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> SetScores:
    """Compare synthetic ROIs with real ones, and both with themselves.

    Parameters
    ----------
    gallery : Gallery
        Its split ``"train"`` is what the generator learnt from, the others are held out.
    images : sequence of numpy.ndarray
        (C, S, A, R) in [-1, 1] on the gallery's grid; may load each when it is asked for.
    seed : int
        Draws ROIs where there are too many to compare all.
    threads : int, optional
    on_progress : callable
        May raise `Cancelled`.

    Raises
    ------
    InputError
        No images, none to learn from in the gallery, or a patient in both splits, by name or by
        the same tumour.
    GalleryError
        A file of the gallery is missing or damaged.
    """
    train, held_out = _splits(gallery)
    if not len(images):
        raise InputError("The set holds no synthetic ROI.", "Generate some first.")
    rng, threads = np.random.default_rng(seed), worker_count(threads)
    left_rows, held_rows = _some(train, MOST_ROWS, rng), _some(held_out, MOST_ROWS, rng)
    a_roi = float(gallery.outlines.bytes_to_read.sum(axis=1).mean())
    most = max(2, min(MOST_AMONG, int(MOST_BYTES // max(a_roi, 1))))
    among_rows = _some(np.arange(len(images)), most, rng)
    count = len(images)
    total = count + len(left_rows) + len(held_rows) + len(among_rows)
    to_real = np.empty((count, len(gallery)))
    kept = {}
    for row in range(count):
        roi = prepare_roi(images[row], gallery.plan.definition, exact=False)
        to_real[row] = scores_of(roi, gallery.rois, threads)[:, 1]
        _compare_exactly(to_real[row], gallery, images[row])
        if row in among_rows:
            kept[row] = roi
        on_progress(Progress(row + 1, total, "comparing with real ROIs"))
    real = _RealRows(gallery, train, threads)
    left_out = np.empty(len(left_rows))
    for step, row in enumerate(left_rows.tolist()):
        left_out[step] = real.nearest_other(row)
        on_progress(Progress(count + step + 1, total, "comparing training ROIs"))
    held_scores, held_index = np.empty(len(held_rows)), np.empty(len(held_rows), np.int64)
    for step, row in enumerate(held_rows.tolist()):
        scores = real.row(row)
        held_index[step] = train[scores.argmax()]
        held_scores[step] = scores.max()
        on_progress(Progress(count + len(left_rows) + step + 1, total, "comparing held-out ROIs"))
    nearest = {*train[to_real[:, train].argmax(axis=1)].tolist(), *held_index.tolist()}
    own = {index: real.nearest_other(index) for index in sorted(nearest)}
    among = np.full((len(among_rows), len(among_rows)), np.nan)
    rois = [kept[row] for row in among_rows.tolist()]
    for row, roi in enumerate(rois):
        among[row, row + 1 :] = scores_of(roi, rois[row + 1 :], threads)[:, 1]
        among[row + 1 :, row] = among[row, row + 1 :]
        on_progress(Progress(total - len(rois) + row + 1, total, "comparing synthetic ROIs"))
    return SetScores(
        to_real=to_real,
        train=train,
        held_out=held_out,
        left_out=left_out,
        left_out_rows=left_rows,
        held_out_nearest=held_scores,
        held_out_index=held_index,
        held_out_rows=held_rows,
        own_nearest=own,
        among=among,
        among_rows=among_rows,
    )


def _compare_exactly(
    row: NDArray[np.float64], gallery: Gallery, image: NDArray[np.float32]
) -> None:
    """Compute the highest score in float64; none may be above it by a rounding of float32."""
    best, definition = int(row.argmax()), gallery.plan.definition
    exact = compare(
        prepare_roi(image, definition), prepare_roi(gallery.image(best), definition)
    ).foreground
    np.minimum(row, np.nextafter(exact, -1), out=row)
    row[best] = exact


class _RealRows:
    """Scores of real ROIs with the training ROIs, taken from the gallery where it has them."""

    def __init__(self, gallery: Gallery, train: NDArray[np.int64], threads: int) -> None:
        self._gallery, self._train, self._threads = gallery, train, threads
        self._known = {row: at for at, row in enumerate(gallery.scores.rows.tolist())}
        self._patients = np.array(gallery.persons)

    def row(self, index: int) -> NDArray[np.float64]:
        if index in self._known:
            kept = self._gallery.scores.values[self._known[index], self._train, 1]
            values: NDArray[np.float64] = kept.astype(np.float64)
            return values
        others = [self._gallery.rois[other] for other in self._train.tolist()]
        return scores_of(self._gallery.rois[index], others, self._threads)[:, 1]

    def nearest_other(self, index: int) -> float:
        """Return the score with the nearest training ROI of another patient, or NaN."""
        others = self._patients[self._train] != self._patients[index]
        return float(self.row(index)[others].max()) if others.any() else float("nan")


def _splits(gallery: Gallery) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    is_train = np.array([entry.split == "train" for entry in gallery.entries])
    patients = np.array(gallery.patients)
    if both := sorted(set(patients[is_train]) & set(patients[~is_train])):
        raise InputError(
            f"Patient {both[0]} is among the training and among the held-out cases.",
            "Split the cohort by patient, and build the gallery anew.",
        )
    for pair in gallery.same_tumours:
        if len(set(is_train[list(pair)].tolist())) == 2:
            one, other = (gallery.entries[index].name for index in pair)
            raise InputError(
                f"{one} and {other} show the same tumour, and one of them is held out.",
                "Give both the same patient in a table of cases, and prepare the cohort anew.",
            )
    if not is_train.any():
        raise InputError(
            f"The gallery {gallery.folder} holds no training case.",
            "Build it of the cohort that the generator learnt from, held-out cases included.",
        )
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def _some(rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
