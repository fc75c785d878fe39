"""Which ROIs of the pools become cases: as many of each class of every kind, one a patient."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.pool import Pool, PoolRoi


@dataclass(frozen=True, slots=True)
class Drawn:
    """ROIs of one pool that were drawn.

    Attributes
    ----------
    scored, training : tuple of PoolRoi
    """

    scored: tuple[PoolRoi, ...]
    training: tuple[PoolRoi, ...]


def common_classes(pools: Sequence[Pool]) -> tuple[str, ...]:
    """Return the classes that all pools have; empty if there is none in common."""
    of_each = [{roi.class_name for roi in pool.rois} for pool in pools]
    return tuple(sorted(set.intersection(*of_each)))


def doubts_about_classes(pools: Sequence[Pool], classes: Sequence[str]) -> tuple[str, ...]:
    """Say where classes cannot be balanced as the design has it."""
    of_each = {pool.label: sorted({roi.class_name for roi in pool.rois}) for pool in pools}
    known = {name for names in of_each.values() for name in names}
    if len(known) < 2 or known == set(classes):
        return ()
    told = "; ".join(f"{label}: {', '.join(names)}" for label, names in of_each.items())
    if not classes:
        return (f"The pools share no class ({told}): cases are not balanced or paired by class.",)
    return (f"Only {', '.join(classes)} is shown, which all pools have ({told}).",)


def draw(
    pool: Pool,
    scored: int,
    training: int,
    classes: Sequence[str],
    rng: np.random.Generator,
) -> Drawn:
    """Draw ROIs of a pool, as equally from the classes as can be, and one of a patient at most.

    Parameters
    ----------
    pool : Pool
    scored, training : int
    classes : sequence of str
        To be drawn from; empty draws without regard to classes.
    rng : numpy.random.Generator

    Raises
    ------
    StudyError
        The pool is too small for the design.
    """
    shuffled = [pool.rois[int(at)] for at in rng.permutation(len(pool.rois))]
    one_a_patient = list({roi.patient: roi for roi in shuffled}.values())
    of_class: dict[str, list[PoolRoi]] = defaultdict(list)
    for roi in one_a_patient:
        of_class[roi.class_name if classes else ""].append(roi)
    names = list(classes) or [""]
    turn = int(rng.integers(len(names)))
    found: dict[str, list[PoolRoi]] = {}
    for what, number in (("training", training), ("scored", scored)):
        found[what] = []
        for _ in range(number):
            name = names[turn % len(names)]
            turn += 1
            if not of_class[name]:
                raise _too_small(pool, scored, training, names, one_a_patient)
            found[what].append(of_class[name].pop())
    return Drawn(tuple(found["scored"]), tuple(found["training"]))


def _too_small(
    pool: Pool, scored: int, training: int, names: Sequence[str], rois: Sequence[PoolRoi]
) -> StudyError:
    counts = {name: sum(roi.class_name == name for roi in rois) for name in names if name}
    of_classes = ", ".join(f"{count} of {name}" for name, count in counts.items())
    having = f"{len(rois)} of different patients" + (f" ({of_classes})" if counts else "")
    equally = f", equally from {len(counts)} classes" if len(counts) > 1 else ""
    return StudyError(
        f"The design takes {scored} scored and {training} training cases of the {pool.label}"
        f"{equally}, and there are {having}.",
        "Plan fewer cases, or add ROIs to the pool.",
    )
