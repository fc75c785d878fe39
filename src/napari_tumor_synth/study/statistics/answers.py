"""Answers of several readers to the same cases, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Answers:
    """Ratings of cases by readers.

    Attributes
    ----------
    ratings : (readers, cases) float64
        Higher is more certainly synthetic; NaN where a reader did not judge.
    is_synthetic : (cases,) bool
        The truth.
    readers, cases : tuple of str
    """

    ratings: NDArray[np.float64]
    is_synthetic: NDArray[np.bool_]
    readers: tuple[str, ...]
    cases: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.readers), len(self.cases))
        if self.ratings.shape != shape or self.is_synthetic.shape != shape[1:]:
            raise ValueError(
                f"ratings {self.ratings.shape} for {shape[0]} readers, {shape[1]} cases"
            )

    def of(self, chosen: Sequence[int] | NDArray[np.bool_]) -> "Answers":
        """Return the answers to some cases, by number or by a mask."""
        numbers = np.arange(len(self.cases))[np.asarray(chosen)]
        return Answers(
            self.ratings[:, numbers],
            self.is_synthetic[numbers],
            self.readers,
            tuple(self.cases[number] for number in numbers),
        )

    def by(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Return the answers of some readers."""
        readers = tuple(name for name, kept in zip(self.readers, chosen, strict=True) if kept)
        return Answers(self.ratings[chosen], self.is_synthetic, readers, self.cases)

    def correct(self, middle: float = 3.5) -> NDArray[np.float64]:
        """Return 1 for a right answer, 0 for a wrong one, NaN for none: (readers, cases).

        Parameters
        ----------
        middle : float
            Ratings above it say synthetic.
        """
        said = self.ratings > middle
        return np.where(np.isnan(self.ratings), np.nan, said == self.is_synthetic)
