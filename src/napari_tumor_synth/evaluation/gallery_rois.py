"""The ROIs of a gallery as a sequence: read when they are asked for, and kept if there is room."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import overload

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.ssim import SsimRoi

MOST_KEPT = 2_000_000_000
"""Bytes of ROIs that are kept, ready to be compared; others are read again when they are needed."""


class GalleryRois(Sequence[SsimRoi]):
    """ROIs that are read when they are needed.

    Kept are the first of them that fit: which ones are used last says nothing of which are used
    next where all are compared in turn.

    Parameters
    ----------
    read : callable
        Returns an ROI by its index; called from several threads.
    sizes : (N,) int64
        Bytes of each in memory.
    """

    def __init__(self, read: Callable[[int], SsimRoi], sizes: NDArray[np.int64]) -> None:
        self._read = read
        self._is_kept = (np.cumsum(sizes) <= MOST_KEPT).tolist()
        self._kept: dict[int, SsimRoi] = {}

    def __len__(self) -> int:
        return len(self._is_kept)

    @overload
    def __getitem__(self, index: int) -> SsimRoi: ...
    @overload
    def __getitem__(self, index: slice) -> list[SsimRoi]: ...
    def __getitem__(self, index: int | slice) -> SsimRoi | list[SsimRoi]:
        """Return one ROI, or a list of them."""
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = range(len(self))[index]
        roi = self._kept.get(number)
        if roi is None:
            roi = self._read(number)
            if self._is_kept[number]:
                self._kept[number] = roi
        return roi

    @property
    def all_kept(self) -> bool:
        """Whether there is room for all."""
        return bool(self._is_kept[-1])

    def read_all(self, threads: int) -> None:
        """Read all that are kept now, rather than when they are needed."""
        wanted = [number for number, kept in enumerate(self._is_kept) if kept]
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(self.__getitem__, wanted):
                pass
