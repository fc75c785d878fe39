"""Display copies of the case at hand, and of the next one before it is wanted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_tumor_synth.errors import StudyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_tumor_synth.study.study_file import Presentation, Study


class CaseImages:
    """Reads display copies.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._next: tuple[str, list[NDArray[np.uint8]]] | None = None

    def of(self, shown: Presentation) -> list[NDArray[np.uint8]]:
        """Return what is shown, (S, A, R) each.

        Raises
        ------
        StudyError
            A display copy is missing or altered.
        """
        if self._next is not None and self._next[0] == shown.token:
            return self._next[1]
        return [self._study.image(token) for token in shown.images]

    def preload(self, shown: Presentation) -> None:
        """Have the next one ready; what is wrong with it is told when it is its turn."""
        self._next = None
        with suppress(StudyError):
            self._next = shown.token, self.of(shown)
