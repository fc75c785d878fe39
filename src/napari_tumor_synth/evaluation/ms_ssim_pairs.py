"""The MS-SSIM of chosen pairs of a set, each ROI prepared once while memory lasts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.ms_ssim import compare_ms_ssim
from napari_tumor_synth.evaluation.ms_ssim_definition import MsSsimSettings
from napari_tumor_synth.evaluation.ms_ssim_pyramid import MsSsimRoi, prepare_ms_ssim
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

MEMORY = 3_000_000_000
"""Bytes that prepared ROIs may take."""

_LOOKED_AT = 8  # ROIs that tell how much memory one takes

Image = NDArray[np.floating[Any]]


def score_pairs(
    rois: Sequence[Image],
    pairs: NDArray[np.int64],
    settings: MsSsimSettings,
    *,
    threads: int | None = None,
    memory: int = MEMORY,
    on_progress: OnProgress = ignore_progress,
) -> NDArray[np.float64]:
    """Return the MS-SSIM (n, 2), whole and foreground, of each pair.

    Parameters
    ----------
    rois : sequence of numpy.ndarray
        ``(S, A, R)`` or ``(C, S, A, R)`` in [-1, 1], of one shape. May load each when it is asked
        for; some are asked for again, to see how large they are and where not all fit into memory.
    pairs : (n, 2) int64
    settings : MsSsimSettings
    threads : int, optional
        All cores when not given; the figures do not depend on it.
    memory : int
        Bytes for prepared ROIs, about; at least two of which are held.
    on_progress : callable
        Called after each ROI prepared and each pair compared.

    Raises
    ------
    InputError
        An ROI is too small, of another shape than the first, or holds what is not a number; the
        message says which.
    Cancelled
        Raised by `on_progress`.
    """
    scores = np.empty((len(pairs), 2))
    rounds = _rounds(pairs, _rois_a_block(rois, pairs, settings, memory))
    total = len(pairs) + sum(len(each.fresh) for each in rounds)
    done = 0
    prepared: dict[int, MsSsimRoi] = {}
    workers = worker_count(threads)
    with ThreadPoolExecutor(workers) as pool:
        for each in rounds:
            prepared = {index: roi for index, roi in prepared.items() if index in each.needed}
            for start in range(0, len(each.fresh), workers):  # no more loaded than worked on
                indices = each.fresh[start : start + workers]
                loaded = [(index, rois[index], settings) for index in indices]
                for index, roi in zip(indices, pool.map(_prepare, loaded), strict=True):
                    prepared[index] = roi
                    done += 1
                    on_progress(Progress(done, total, "preparing ROIs"))
            jobs = [(prepared[one], prepared[other]) for one, other in pairs[each.members].tolist()]
            compared = pool.map(lambda pair: compare_ms_ssim(*pair), jobs)
            for member, score in zip(each.members, compared, strict=True):
                scores[member] = score.whole, score.foreground
                done += 1
                on_progress(Progress(done, total, "comparing pairs"))
    return scores


@dataclass(frozen=True, slots=True)
class _Round:
    """Pairs that are compared while certain ROIs are in memory, and those prepared for it."""

    needed: frozenset[int]
    fresh: list[int]
    members: list[int]


def _rounds(pairs: NDArray[np.int64], block: int) -> list[_Round]:
    """Sort pairs by the blocks of ROIs that they are of, so that two blocks are held at a time."""
    blocks = pairs // block
    last = int(blocks.max(initial=0))
    of_blocks: dict[tuple[int, int], list[int]] = {}
    for member, (one, other) in enumerate(blocks.tolist()):
        if one == other and last:  # while that block is held beside another
            one, other = (one, one + 1) if one < last else (one - 1, one)
        of_blocks.setdefault((one, other), []).append(member)
    rounds, held = [], frozenset[int]()
    for _, members in sorted(of_blocks.items()):
        needed = frozenset(pairs[members].ravel().tolist())
        rounds.append(_Round(needed, sorted(needed - held), members))
        held = needed
    return rounds


def _rois_a_block(
    rois: Sequence[Image], pairs: NDArray[np.int64], settings: MsSsimSettings, memory: int
) -> int:
    """Return how many prepared ROIs half the memory holds, judged by some of them."""
    members = np.unique(pairs).tolist()
    some = members[:: max(1, len(members) // _LOOKED_AT)][:_LOOKED_AT]
    sizes = [_prepare((index, rois[index], settings)).nbytes for index in some]
    fitting = int(memory / max(float(np.mean(sizes)), 1.0)) if sizes else 1
    count = int(pairs.max(initial=0)) + 1
    return count if fitting >= len(members) else max(1, fitting // 2)


def _prepare(job: tuple[int, Image, MsSsimSettings]) -> MsSsimRoi:
    index, image, settings = job
    try:
        return prepare_ms_ssim(image, settings)
    except InputError as error:
        raise InputError(f"ROI {index + 1} of the set: {error.problem}", error.remedy) from error
