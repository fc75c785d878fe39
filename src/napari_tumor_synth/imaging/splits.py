"""Train, validation and test: every patient in exactly one."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.case import Case

SPLITS = ("train", "validation", "test")
DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.7, "validation": 0.15, "test": 0.15}


def split_patients(
    cases: Iterable[Case],
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    *,
    keep: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Assign each patient to one split, in equal shares of every class.

    Within a class patients are ordered by a hash of the seed and their identifier, and the
    splits are filled in that order. So the result depends on nothing but the patients, their
    classes, the fractions and the seed: not on file order, number generator or platform. When
    a cohort grows by a patient, at most two others of the same class change their split; none
    does when the earlier result is given as `keep`.

    Each split that has a share gets a patient of each class, if the class has enough of them.
    A patient whose examinations differ in class counts as a class of its own.

    Parameters
    ----------
    cases : iterable of Case
    fractions : mapping of str to float
        Shares of ``"train"``, ``"validation"`` and ``"test"``; they add up to 1.
    seed : int
    keep : mapping of str to str, optional
        Splits of patients that were assigned before; they stay.

    Returns
    -------
    dict of str to str
        Split of each patient, ordered by patient.

    Raises
    ------
    CohortError
        The fractions are not shares of the three splits.
    """
    _check_fractions(fractions)
    classes: dict[str, set[str]] = {}
    for case in cases:
        classes.setdefault(case.patient, set()).add(case.class_name)
    strata: dict[tuple[str, ...], list[str]] = {}
    for patient, of_patient in classes.items():
        strata.setdefault(tuple(sorted(of_patient)), []).append(patient)

    assigned = {patient: split for patient, split in (keep or {}).items() if patient in classes}
    for patients in strata.values():
        new = sorted(set(patients) - set(assigned), key=lambda patient: _rank(seed, patient))
        kept = [assigned[patient] for patient in patients if patient in assigned]
        places = [
            split
            for split, count in _quotas(len(patients), fractions).items()
            for _ in range(count - kept.count(split))
        ]
        assigned.update(zip(new, places, strict=False))  # kept ones may fill more than their share
    return dict(sorted(assigned.items()))


def check_disjoint(assignments: Iterable[tuple[str, str]]) -> None:
    """Refuse pairs of patient and split that put one patient into two splits.

    Raises
    ------
    CohortError
        Names the patient.
    """
    seen: dict[str, str] = {}
    for patient, split in assignments:
        if (other := seen.setdefault(patient, split)) != split:
            raise CohortError(
                f"Patient {patient} is in the splits {other} and {split}.",
                "Prepare the cohort again into an empty folder: what is tested must not be "
                "trained on.",
            )


def _check_fractions(fractions: Mapping[str, float]) -> None:
    known = set(fractions) <= set(SPLITS)
    if not (
        known
        and all(0 <= share <= 1 for share in fractions.values())
        and math.isclose(sum(fractions.values()), 1, abs_tol=1e-6)
    ):
        raise CohortError(
            f"The shares {dict(fractions)} do not divide the patients.",
            "Give shares of train, validation and test between 0 and 1 that add up to 1.",
        )


def _rank(seed: int, patient: str) -> str:
    return hashlib.sha256(f"{seed}/{patient}".encode()).hexdigest()


def _quotas(count: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """Divide `count` by largest remainder, then give empty splits one from the largest."""
    wanted: Sequence[str] = [split for split in SPLITS if fractions.get(split, 0) > 0]
    exact = {split: count * fractions[split] for split in wanted}
    quotas = {split: math.floor(share + 1e-9) for split, share in exact.items()}
    by_remainder = sorted(wanted, key=lambda split: quotas[split] - exact[split])
    for split in by_remainder[: count - sum(quotas.values())]:
        quotas[split] += 1
    for split in wanted if count >= len(wanted) else ():
        if quotas[split] == 0:
            quotas[max(wanted, key=lambda other: quotas[other])] -= 1
            quotas[split] = 1
    return quotas
