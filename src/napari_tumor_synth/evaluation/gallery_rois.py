"""The ROIs of a gallery as a sequence: read when they are asked for, and kept if there is room."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import overload

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.ssim import SsimRoi

MOST_MAPPED, MOST_COMPUTED = 8_000_000_000, 2_000_000_000
"""Bytes of ROIs that are kept, ready to be compared: of those mapped from files, whose memory the
system takes back when it is short of it, and of others. What is not kept is read again when it is
needed."""
READ_AT_ONCE = 2_000_000_000
"""Bytes of all ROIs up to which they are read before the first is needed."""


class GalleryRois(Sequence[SsimRoi]):
    """ROIs that are read when they are needed.

    Kept are the first of them that fit: which ones are used last says nothing of which are used
    next where all are compared in turn.

    Parameters
    ----------
    read : callable
        Returns an ROI by its index; called from several threads.
    sizes : (N, 2) int64
        Bytes of each that are mapped, and that are computed.

    Attributes
    ----------
    all_kept : bool
        Whether there is room for all.
    are_few : bool
        Whether all can be read before they are needed.
    """

    def __init__(self, read: Callable[[int], SsimRoi], sizes: NDArray[np.int64]) -> None:
        self._read = read
        mapped, computed = np.cumsum(sizes, axis=0).T
        fit = (mapped <= MOST_MAPPED) & (computed <= MOST_COMPUTED)
        self._is_kept: list[bool] = fit.tolist()
        self.all_kept = all(self._is_kept)
        self.are_few = self.all_kept and int(sizes.sum()) <= READ_AT_ONCE
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

    def read_all(self, threads: int) -> None:
        """Read all now, rather than when they are needed."""
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(self.__getitem__, range(len(self))):
                pass
