"""What an extractor sees in all ROIs of a set: in several threads where that is faster."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor, Features, Image, View
from napari_tumor_synth.generators.devices import full_precision, one_thread
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

Vectors = NDArray[np.float32]


def features_of(
    extractor: FeatureExtractor,
    view: View,
    images: Sequence[Image],
    on_progress: OnProgress = ignore_progress,
    *,
    threads: int | None = None,
) -> Features:
    """Return what an extractor sees in ROIs (C, S, A, R) in [-1, 1].

    Slices of several ROIs are looked at side by side, each ROI by one thread: networks of small
    images gain little from torch's own threads, which wait for each other on a busy machine, and
    the features do not depend on how many threads there are. Whole ROIs come one after the other,
    so that only one is on the device.

    Parameters
    ----------
    extractor : FeatureExtractor
    view : str
        One of the extractor's.
    images : sequence of numpy.ndarray
        May load each when it is asked for; a few are held at a time.
    on_progress : callable
        Called after each ROI.
    threads : int, optional
        For slices; None means one a core.

    Raises
    ------
    InputError
        There are none, or one cannot be seen.
    Cancelled
        Raised by `on_progress`.
    """
    if not len(images):
        raise InputError("There is no ROI to look at.", "Give at least one.")
    found: list[Vectors] = []

    def keep(vectors: Vectors) -> None:
        found.append(vectors)
        on_progress(Progress(len(found), len(images), f"{extractor.name}, {view}"))

    look = partial(_look, extractor, view)
    with full_precision():  # rounded convolutions would give figures that depend on the device
        if view == "volume":
            for index in range(len(images)):
                keep(look(index, images[index]))
        else:
            _side_by_side(look, images, keep, worker_count(threads))
    return _joined(found)


def _side_by_side(
    look: Callable[[int, Image], Vectors],
    images: Sequence[Image],
    keep: Callable[[Vectors], None],
    workers: int,
) -> None:
    waiting: deque[Future[Vectors]] = deque()
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for index in range(len(images)):
                waiting.append(pool.submit(look, index, images[index]))
                if len(waiting) > 2 * workers:
                    keep(waiting.popleft().result())
            while waiting:
                keep(waiting.popleft().result())
        finally:
            for future in waiting:
                future.cancel()


def _look(extractor: FeatureExtractor, view: View, index: int, image: Image) -> Vectors:
    try:
        vectors = extractor.extract(image, view)
    except InputError as error:
        raise InputError(f"ROI {index + 1}: {error.problem}", error.remedy) from error
    if not np.isfinite(vectors).all():
        raise InputError(
            f"ROI {index + 1}: {extractor.name} sees what is not a number.",
            "Cut or generate the ROI anew.",
        )
    return vectors


def _joined(found: Sequence[Vectors]) -> Features:
    lengths = [vectors.shape[1] for vectors in found]
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            raise InputError(
                f"ROI {index + 1} gives {length} features, the first gives {lengths[0]}.",
                "Give ROIs of the same sequences.",
            )
    owner = np.repeat(np.arange(len(found)), [len(vectors) for vectors in found])
    return Features(np.concatenate(found), owner, len(found))
