"""Which ROIs an evaluation compares with which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS
from napari_tumor_synth.workflows.evaluation.synthetic_set import SyntheticSet
from napari_tumor_synth.workflows.gallery_grid import channels_in

Image = NDArray[np.float32]
Reference = Literal["held-out", "training", "all"]
ALL = "all classes"
FEWEST = 2  # ROIs on each side of a comparison
_SAME_SHARE = 0.05  # difference of the shares of a class that is not worth a word
FEWEST_PATIENTS = 2  # of the real ROIs: those of one patient resemble each other


class RealImages(Sequence[Image]):
    """Some ROIs of a gallery, read when they are asked for.

    Parameters
    ----------
    gallery : Gallery
    indices : sequence of int
    """

    def __init__(self, gallery: Gallery, indices: Sequence[int]) -> None:
        self._gallery, self.indices = gallery, tuple(indices)

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, at: int) -> Image: ...
    @overload
    def __getitem__(self, at: slice) -> list[Image]: ...
    def __getitem__(self, at: int | slice) -> Image | list[Image]:
        """Return one ROI (C, S, A, R) in [-1, 1], or several."""
        if isinstance(at, slice):
            return [self._gallery.image(index) for index in self.indices[at]]
        return self._gallery.image(self.indices[at])


class SyntheticImages(Sequence[Image]):
    """Some ROIs of a synthetic set, with the gallery's sequences.

    Parameters
    ----------
    synthetic : SyntheticSet
    rows : sequence of int
    channels : sequence of int
        Which of its sequences, in which order.
    """

    def __init__(
        self, synthetic: SyntheticSet, rows: Sequence[int], channels: Sequence[int]
    ) -> None:
        self._synthetic, self.rows, self._channels = synthetic, tuple(rows), list(channels)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Image: ...
    @overload
    def __getitem__(self, at: slice) -> list[Image]: ...
    def __getitem__(self, at: int | slice) -> Image | list[Image]:
        """Return one ROI (C, S, A, R) in [-1, 1], or several."""
        if isinstance(at, slice):
            return [self._synthetic.images[row][self._channels] for row in self.rows[at]]
        return self._synthetic.images[self.rows[at]][self._channels]


@dataclass(frozen=True, eq=False)
class Group:
    """ROIs of one class, or of all.

    Attributes
    ----------
    name : str
    real : RealImages
        The reference.
    patients : tuple of str
        Whose they are.
    synthetic : SyntheticImages
    """

    name: str
    real: RealImages
    patients: tuple[str, ...]
    synthetic: SyntheticImages

    @property
    def is_enough(self) -> bool:
        """Whether there are enough ROIs, and patients, to compare."""
        few = min(len(self.real), len(self.synthetic)) < FEWEST
        return not few and len(set(self.patients)) >= FEWEST_PATIENTS

    @property
    def n(self) -> str:
        """How many there are, in words."""
        return (
            f"{len(self.synthetic)} synthetic ROIs, {len(self.real)} real of "
            f"{len(set(self.patients))} patients"
        )


class EvaluationSets:
    """What is compared in an evaluation.

    Parameters
    ----------
    gallery : Gallery
    synthetic : SyntheticSet
    reference : {"held-out", "training", "all"} or None
        None takes the real ROIs that are held out, or all where there are none.

    Raises
    ------
    InputError
        The sets are on different grids, or there are too few real or synthetic ROIs.
    """

    def __init__(
        self, gallery: Gallery, synthetic: SyntheticSet, reference: Reference | None = None
    ) -> None:
        self.gallery, self.synthetic = gallery, synthetic
        self.channels = channels_in(
            gallery, synthetic.size, synthetic.spacing_mm, synthetic.sequences,
            str(synthetic.folder),
        )  # fmt: skip
        entries = gallery.entries
        held_out = any(entry.split != "train" for entry in entries)
        self.reference: Reference = reference or ("held-out" if held_out else "all")
        named = set(synthetic.classes)
        comparable = UNKNOWN_CLASS not in named and named <= {one.class_name for one in entries}
        self.classes = tuple(sorted(named)) if comparable else ()
        self._require(len(synthetic), f"{synthetic.folder} holds", "synthetic")
        self._require(len(self._real(self.classes)), f"{gallery.folder} holds", self._kind)
        if len({gallery.persons[index] for index in self._real(self.classes)}) < FEWEST_PATIENTS:
            raise InputError(
                f"All {self._kind} ROIs of {gallery.folder} are of one patient.", self._remedy
            )

    @property
    def all_synthetic(self) -> SyntheticImages:
        """The whole synthetic set."""
        return SyntheticImages(self.synthetic, range(len(self.synthetic)), self.channels)

    def groups(self) -> list[Group]:
        """Return all ROIs together, then each class of which both sides are enough.

        Real ROIs of classes that the synthetic set does not have count nowhere, unless classes are
        unknown: then all count, together.
        """
        if len(self.classes) == 1:
            return [self._group(self.classes[0], self.classes)]
        groups = [
            self._group(ALL, self.classes),
            *(self._group(name, (name,)) for name in self.classes),
        ]
        return [group for group in groups if group.is_enough]

    @property
    def left_out(self) -> list[str]:
        """Classes of the synthetic set that are not compared on their own."""
        return sorted(set(self.synthetic.classes) - {group.name for group in self.groups()})

    @property
    def different_mixes(self) -> str:
        """The shares of a class in both sets, where those differ; empty where they do not."""
        ours, real = self.synthetic.classes, self._real(self.classes)
        for name in self.classes:
            synthetic = sum(one == name for one in ours) / len(ours)
            theirs = sum(self.gallery.entries[at].class_name == name for at in real) / len(real)
            if abs(synthetic - theirs) > _SAME_SHARE:
                return (
                    f"{name} is {synthetic:.0%} of the synthetic and {theirs:.0%} of the real ROIs"
                )
        return ""

    def _group(self, name: str, classes: Sequence[str]) -> Group:
        real = self._real(classes)
        rows = [
            row
            for row, found in enumerate(self.synthetic.classes)
            if not classes or found in classes
        ]
        return Group(
            name,
            RealImages(self.gallery, real),
            tuple(self.gallery.persons[index] for index in real),
            SyntheticImages(self.synthetic, rows, self.channels),
        )

    def _real(self, classes: Sequence[str]) -> list[int]:
        return [
            index
            for index, entry in enumerate(self.gallery.entries)
            if self.reference == "all" or (entry.split == "train") == (self.reference == "training")
            if not classes or entry.class_name in classes
        ]

    @property
    def _kind(self) -> str:
        which = {"held-out": "held-out", "training": "training", "all": "real"}[self.reference]
        return f"{which} {' and '.join(self.classes)}".strip()

    @property
    def _remedy(self) -> str:
        other = "" if self.reference == "all" else ", or choose another --reference"
        return f"Give more ROIs, real ones of several patients{other}."

    def _require(self, count: int, who: str, what: str) -> None:
        if count < FEWEST:
            raise InputError(
                f"{who} {count} {what} ROIs, and at least {FEWEST} are needed.", self._remedy
            )
