"""Sets of ROIs put together or cut without loading any of them."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating[Any]]


class ChosenRois(Sequence[Image]):
    """ROIs of one or more sets, in a given order; each is loaded when it is asked for.

    Parameters
    ----------
    sets : sequence of sequence of numpy.ndarray
        Counted through: the ROIs of the second set follow those of the first.
    indices : sequence of int, optional
        Which of them; all when not given.
    """

    def __init__(
        self, sets: Sequence[Sequence[Image]], indices: Sequence[int] | None = None
    ) -> None:
        places = [(rois, number) for rois in sets for number in range(len(rois))]
        self._places = places if indices is None else [places[index] for index in indices]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...

    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return [rois[number] for rois, number in self._places[index]]
        rois, number = self._places[index]
        return rois[number]
