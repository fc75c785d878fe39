"""Where the cases of a study are drawn from: real ROIs, and those of each generator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import StudyError

REAL = ""
"""Generator of real ROIs: none."""
_SPACING_TOLERANCE = 1e-3  # relative


@dataclass(frozen=True, eq=False)
class PoolRoi:
    """One ROI that may become a case.

    Attributes
    ----------
    name : str
    patient : str
        Whose it is; of a synthetic one, its own name.
    class_name : str
    generator : str
        `REAL`, or what made it.
    source_sha256 : str
        Of the file that it is read from, as far as known.
    load : callable
        Returns the image (S, A, R) float32 in [-1, 1], background exactly -1.
    """

    name: str
    patient: str
    class_name: str
    generator: str
    source_sha256: str
    load: Callable[[], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Pool:
    """ROIs of one kind on one grid.

    Attributes
    ----------
    generator : str
        `REAL`, or what made them.
    rois : tuple of PoolRoi
    size : tuple of int
        (S, A, R) voxels.
    spacing_mm : float
    """

    generator: str
    rois: tuple[PoolRoi, ...]
    size: tuple[int, int, int]
    spacing_mm: float

    @property
    def label(self) -> str:
        """What it is called in sentences."""
        return "real ROIs" if self.generator == REAL else f"ROIs of {self.generator}"


def require_one_grid(pools: Sequence[Pool]) -> None:
    """Make sure that no kind of ROI is resampled and another is not.

    Raises
    ------
    StudyError
        Pools are on different grids.
    """
    first = pools[0]
    for pool in pools[1:]:
        if (
            pool.size != first.size
            or abs(pool.spacing_mm / first.spacing_mm - 1) > _SPACING_TOLERANCE
        ):
            raise StudyError(
                f"The {first.label} have {_grid(first)}, and the {pool.label} have {_grid(pool)}: "
                "readers would see the difference.",
                "Prepare the real cases on the generator's grid (`tumor-synth prepare --size N "
                "--spacing MM`), and compare generators of one grid.",
            )


def require_distinct_generators(pools: Sequence[Pool]) -> None:
    """Make sure that generators can be told apart in the results.

    Raises
    ------
    StudyError
        Two pools have the same name, or one has a name with another meaning.
    """
    names = [pool.generator for pool in pools]
    if taken := sorted({"truth", "real"} & set(names)):
        raise StudyError(
            f"A generator called {taken[0]} would be taken for something else in the results.",
            "Give its folder another name: --synthetic NAME=FOLDER.",
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(
            f"Two pools are called {twice[0]}.", "Give each folder a name: --synthetic NAME=FOLDER."
        )


def require_distinct_rois(pools: Sequence[Pool], drawn: Sequence[PoolRoi]) -> None:
    """Make sure that no image is two cases, and that pools share none.

    Raises
    ------
    StudyError
        Two pools hold the same image, or it was drawn twice from one.
    """
    known: dict[str, PoolRoi] = {}
    for roi in [*(roi for pool in pools for roi in pool.rois), *drawn]:
        other = known.setdefault(roi.source_sha256, roi)
        if other is not roi and (other.generator != roi.generator or roi in drawn):
            raise StudyError(
                f"{other.name} and {roi.name} are the same image.",
                "Take one of them out of the pools: no image may be two cases.",
            )


def _grid(pool: Pool) -> str:
    return f"{' x '.join(map(str, pool.size))} voxels of {pool.spacing_mm:g} mm"
