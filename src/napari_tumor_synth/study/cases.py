"""The cases of a study: which ROIs are shown, alone or in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.display import display_array
from napari_tumor_synth.study.pairing import Outline, match, outline_of
from napari_tumor_synth.study.pool import REAL, Pool, PoolRoi
from napari_tumor_synth.study.selection import Drawn, common_classes, doubts_about_classes, draw


@dataclass(frozen=True, slots=True)
class StudyCase:
    """One ROI, or a pair of a real and a synthetic one.

    Attributes
    ----------
    rois : tuple of PoolRoi
        Of a pair the real one first.
    """

    rois: tuple[PoolRoi, ...]

    @property
    def generator(self) -> str:
        """What made the synthetic one; `REAL` if there is none."""
        return self.rois[-1].generator

    @property
    def kind(self) -> tuple[str, str]:
        """What is balanced over blocks."""
        return self.generator, self.rois[-1].class_name


@dataclass(frozen=True, slots=True)
class StudyCases:
    """The cases of a study.

    Attributes
    ----------
    scored, training : tuple of StudyCase
        Those that count, and those to learn the task by.
    doubts : tuple of str
        Where they are not as the design has it.
    """

    scored: tuple[StudyCase, ...]
    training: tuple[StudyCase, ...]
    doubts: tuple[str, ...] = ()


def choose_cases(
    design: StudyDesign, real: Pool, synthetic: Sequence[Pool], rng: np.random.Generator
) -> StudyCases:
    """Draw the cases of a study from its pools.

    Raises
    ------
    StudyError
        A pool is too small for the design.
    """
    classes = common_classes([real, *synthetic])
    doubts = doubts_about_classes([real, *synthetic], classes)
    of_training = np.array_split(np.arange(design.training), 2)
    each = [len(part) for part in np.array_split(of_training[0], len(synthetic))]
    drawn = [
        draw(pool, design.synthetic, number, classes, rng)
        for pool, number in zip(synthetic, each, strict=True)
    ]
    if design.task == "single":
        reals = draw(real, design.real, len(of_training[1]), classes, rng)
        both = [reals, *drawn]
        return StudyCases(_alone(both, "scored"), _alone(both, "training"), doubts)
    pairs = _pairs(design, real, drawn, bool(classes))
    scored = sum(len(one.scored) for one in drawn)
    return StudyCases(tuple(pairs[:scored]), tuple(pairs[scored:]), doubts)


def _alone(drawn: Sequence[Drawn], which: str) -> tuple[StudyCase, ...]:
    return tuple(StudyCase((roi,)) for one in drawn for roi in getattr(one, which))


def _pairs(
    design: StudyDesign, real: Pool, drawn: Sequence[Drawn], same_class: bool
) -> list[StudyCase]:
    """Return the scored pairs, then those of the training; each real one is shown once."""
    made = [roi for one in drawn for roi in one.scored]
    made += [roi for one in drawn for roi in one.training]
    reals = list({roi.patient: roi for roi in real.rois}.values())
    outlines = [[_outline(roi, design, real.spacing_mm) for roi in rois] for rois in (made, reals)]
    found = match(outlines[0], outlines[1], same_class=same_class)
    return [StudyCase((reals[int(other)], roi)) for roi, other in zip(made, found, strict=True)]


def _outline(roi: PoolRoi, design: StudyDesign, spacing_mm: float) -> Outline:
    shown = display_array(roi.load(), design.edge_voxels)
    return outline_of(shown, spacing_mm, roi.class_name)


def truth_of(roi: PoolRoi) -> str:
    """Return whether an ROI is real or synthetic, in a word."""
    return "real" if roi.generator == REAL else "synthetic"
